using Orleans;
using Orleans.Concurrency;

namespace Casty.Orleans;

/// <summary>
/// The grain that owns a stream's buffer and gates it by demand. Its key is the stream's name. Applications use
/// <see cref="StreamGrainFactoryExtensions"/>; the grain only lets ends join and leave. Elements and demand go through observers.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
[Alias("casty.IStreamProducerGrain`1")]
public interface IStreamProducerGrain<T> : IGrainWithStringKey
{
    /// <summary>A writer joins the stream.</summary>
    /// <param name="request">Who asks, and for what.</param>
    /// <returns>What it joined; null while that is not known yet, as the stream is being rebuilt: it asks again.</returns>
    /// <exception cref="StreamClosedException">The stream takes no more and its name is not free yet.</exception>
    /// <exception cref="StreamSupersededException">Nobody has the place that it is to take any more.</exception>
    [AlwaysInterleave, ResponseTimeout(Joining.ResponseTimeout), Alias("attach")]
    Task<StreamJoined<T>?> AttachAsync(StreamAttachRequest request);

    /// <summary>A writer that has put nothing leaves as if it had never come.</summary>
    /// <param name="end">Its end.</param>
    [AlwaysInterleave, Alias("withdraw")]
    Task WithdrawAsync(Guid end);

    /// <summary>A reader joins the stream.</summary>
    /// <param name="request">Who asks, and for what.</param>
    /// <returns>What it joined; null while that is not known yet, as the stream is being rebuilt: it asks again.</returns>
    /// <exception cref="StreamOccupiedException">The stream is <see cref="StreamDelivery.Single"/> and has a consumer of another name.</exception>
    /// <exception cref="StreamSupersededException">Nobody has the place that it is to take any more.</exception>
    [AlwaysInterleave, ResponseTimeout(Joining.ResponseTimeout), Alias("subscribe")]
    Task<StreamJoined<T>?> SubscribeAsync(StreamSubscribeRequest<T> request);

    /// <summary>A reader that never came leaves as if it had not asked.</summary>
    /// <param name="end">Its end.</param>
    [AlwaysInterleave, Alias("unsubscribe")]
    Task UnsubscribeAsync(Guid end);

    /// <summary>A writer that its producer does not answer, or does not know, asks how the stream goes on.</summary>
    /// <param name="request">What it asked for when it joined.</param>
    /// <param name="report">Where it is.</param>
    /// <exception cref="StreamAbandonedException">It does not go on with this writer.</exception>
    [AlwaysInterleave, ResponseTimeout("00:00:05"), Alias("rejoin-writer")]
    Task<StreamJoined<T>> RejoinWriterAsync(StreamAttachRequest request, StreamWriterReport report);

    /// <summary>A reader that its producer does not answer, or does not know, asks how the stream goes on.</summary>
    /// <param name="request">What it asked for when it joined.</param>
    /// <param name="report">Where it is.</param>
    /// <returns>The stream as it goes on; null while that is not known yet: it asks again.</returns>
    /// <exception cref="StreamException">It does not go on with this reader.</exception>
    [AlwaysInterleave, ResponseTimeout("00:00:05"), Alias("rejoin-reader")]
    Task<StreamJoined<T>?> RejoinReaderAsync(StreamSubscribeRequest<T> request, StreamReaderReport report);

    /// <summary>The grain that reads for one that handles the stream has left its place: it is to be called again, wherever it is placed next.</summary>
    /// <param name="consumer">The subscription's name.</param>
    [AlwaysInterleave, Alias("keep-handler")]
    Task KeepHandlerAsync(string consumer);

    /// <summary>The services of the caller's process. Answered by the reference itself; no message is sent.</summary>
#pragma warning disable ORLEANS0009 // The analyzer knows no request types but Orleans' own; this one is never awaited, as it is never sent.
    [AnsweredByCaller, Alias("services")]
    CallerServices GetCallerServices();
#pragma warning restore ORLEANS0009
}
