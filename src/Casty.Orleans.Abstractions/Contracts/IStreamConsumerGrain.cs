using Orleans;

namespace Casty.Orleans;

/// <summary>
/// The grain that is the home of one subscription: which producer, who reads. Its key is the producer's and the consumer's
/// name, joined so that no two pairs collide. Elements do not pass through it. Where the reader gave no name, it goes once that has joined.
/// Applications use <see cref="StreamGrainFactoryExtensions"/>.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
[Alias("casty.IStreamConsumerGrain`1")]
public interface IStreamConsumerGrain<T> : IGrainWithStringKey
{
    /// <summary>A reader takes the subscription; whoever had it before is superseded. One at a time.</summary>
    /// <param name="request">Who asks, and for which subscription.</param>
    /// <returns>What it joined; null while that is not known yet, as the stream is being rebuilt: it asks again.</returns>
    /// <exception cref="StreamOccupiedException">The stream is <see cref="StreamDelivery.Single"/> and has a consumer of another name.</exception>
    /// <exception cref="StreamSupersededException">A later call of the same process took the name, or nobody has the place that it is to take any more.</exception>
    [ResponseTimeout(Joining.ResponseTimeout), Alias("open")]
    Task<StreamJoined<T>?> OpenAsync(StreamSubscribeRequest<T> request);

    /// <summary>The reader is done with the subscription, or never came to use it.</summary>
    /// <param name="end">The reader's end.</param>
    /// <param name="withdraw">The reader's call was cancelled: the subscription is undone.</param>
    [Alias("close")]
    Task CloseAsync(Guid end, bool withdraw);
}
