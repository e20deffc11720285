using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>Has a grain consume streams.</summary>
public static class StreamHandlerGrainExtensions
{
    /// <summary>
    /// Has this grain handle the elements of a stream, until the stream ends. The grain need not stay active: it is activated when elements come.
    /// </summary>
    /// <remarks>
    /// To register twice is to register once. What was registered lives as long as the stream: with the last of its ends, it is gone. So
    /// <c>OnActivateAsync</c> is a good place, or <see cref="ConsumesStreamAttribute"/>, which needs no call at all. It may be called within
    /// a handler.
    /// </remarks>
    /// <typeparam name="T">The type of the elements. A stream is known by this type and its name.</typeparam>
    /// <param name="grain">This grain: an <see cref="IStreamHandler{T}"/> or <see cref="IStreamBatchHandler{T}"/>.</param>
    /// <param name="stream">The stream's name: 1 to 1,000 characters.</param>
    /// <param name="cancellationToken">Ends the wait; it may be registered nevertheless.</param>
    /// <exception cref="ArgumentException"><paramref name="stream"/> is empty or too long, or the grain's key is too long.</exception>
    /// <exception cref="InvalidOperationException">The grain handles no such elements, or its silo has not called <c>AddCastyStreams</c>.</exception>
    /// <exception cref="StreamOccupiedException">The stream is <see cref="StreamDelivery.Single"/> and has a consumer of another name.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task ConsumeAsync<T>(this IGrainBase grain, string stream, CancellationToken cancellationToken = default) =>
        await Home<T>(grain, stream).BeginAsync(cancellationToken).WaitAsync(cancellationToken);

    /// <summary>
    /// Has this grain consume a stream no more. What is being handled is handled to its end; nothing is begun afterwards. Harmless where it
    /// does not consume the stream.
    /// </summary>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="grain">This grain.</param>
    /// <param name="stream">The stream's name: 1 to 1,000 characters.</param>
    /// <param name="leave">
    /// What becomes of the stream: by default it is kept, for <see cref="StreamProducerOptions.SubscriptionTimeout"/>, and
    /// <see cref="ConsumeAsync{T}"/> goes on exactly there. <see cref="StreamLeave.Cancel"/> tells its writers; where the stream has several
    /// consumers, it ends this grain's subscription.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="stream"/> is empty or too long, or <paramref name="leave"/> is none of its values.</exception>
    /// <exception cref="InvalidOperationException">The grain handles no such elements, or its silo has not called <c>AddCastyStreams</c>.</exception>
    public static async Task StopConsumingAsync<T>(this IGrainBase grain, string stream, StreamLeave leave = StreamLeave.Detach)
    {
        if (leave is not (StreamLeave.Cancel or StreamLeave.Detach)) throw new ArgumentOutOfRangeException(nameof(leave), leave, "It must be Cancel or Detach.");
        await Home<T>(grain, stream).StopAsync(leave);
    }

    private static IStreamHandlingGrain<T> Home<T>(IGrainBase grain, string stream)
    {
        ArgumentNullException.ThrowIfNull(grain);
        Require.Name(stream, nameof(stream));
        if (grain is not IHandlesStream<T>)
        {
            throw new InvalidOperationException($"{grain.GetType()} handles no elements of {typeof(T)}: it must implement IStreamHandler<{typeof(T).Name}> or IStreamBatchHandler<{typeof(T).Name}>.");
        }

        var services = grain.GrainContext.ActivationServices;
        if (services.GetKeyedService<IGrainExtension>(typeof(IStreamHandlerExtension)) is null)
        {
            throw new InvalidOperationException("A silo whose grains handle streams must call AddCastyStreams; this one has not.");
        }

        string handler = StreamNames.Handler(grain.GrainContext.GrainId);
        Require.Name(handler, nameof(grain));
        return services.GetRequiredService<IGrainFactory>().GetGrain<IStreamHandlingGrain<T>>(StreamNames.ConsumerKey(stream, handler));
    }
}
