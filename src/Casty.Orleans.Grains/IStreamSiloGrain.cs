using Orleans;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>Answers for the streams of one silo. Its key is the silo's address. Applications use <see cref="IStreamManagementGrain"/>.</summary>
[Alias("casty.IStreamSiloGrain")]
internal interface IStreamSiloGrain : IGrainWithStringKey
{
    /// <summary>The next streams of the silo.</summary>
    /// <param name="query">Which ones.</param>
    /// <param name="after">The last stream of the page before; empty begins.</param>
    /// <param name="most">How many at most.</param>
    /// <exception cref="SiloUnavailableException">The grain is not on that silo.</exception>
    [ResponseTimeout(StreamManagementGrain.Patience), Alias("list")]
    Task<StreamInfo[]> ListAsync(StreamQuery query, Guid after, int most);

    /// <summary>Ends a stream.</summary>
    /// <returns>Whether it was there and is not any more.</returns>
    /// <exception cref="SiloUnavailableException">The grain is not on that silo.</exception>
    [ResponseTimeout(StreamManagementGrain.Patience), Alias("end")]
    Task<bool> EndAsync(Guid stream, string why);
}
