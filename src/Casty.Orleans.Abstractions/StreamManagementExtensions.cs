using System.Runtime.CompilerServices;
using Orleans;

namespace Casty.Orleans;

/// <summary>Asks a cluster for its streams. The same on a silo, in a grain, and on a client.</summary>
public static class StreamManagementExtensions
{
    /// <summary>What tells which streams live in the cluster, and ends one.</summary>
    /// <param name="grains">The cluster.</param>
    public static IStreamManagementGrain GetStreamManagement(this IGrainFactory grains)
    {
        ArgumentNullException.ThrowIfNull(grains);
        return grains.GetGrain<IStreamManagementGrain>(0);
    }

    /// <summary>Every stream that lives in the cluster, asked for page by page as they are looked at.</summary>
    /// <param name="management">What tells.</param>
    /// <param name="query">Which ones; null for all.</param>
    /// <param name="cancellationToken">Ends the loop between two pages.</param>
    /// <exception cref="ArgumentException">The query's <see cref="StreamQuery.After"/> is not what a page said.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async IAsyncEnumerable<StreamInfo> ListAllAsync(this IStreamManagementGrain management, StreamQuery? query = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(management);
        query ??= new StreamQuery();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = await management.ListAsync(query).WaitAsync(cancellationToken).ConfigureAwait(false);
            foreach (var stream in page.Streams) yield return stream;
            if (page.Next is null) yield break;
            query = query with { After = page.Next };
        }
    }
}
