using Orleans.Runtime;
using Orleans.Runtime.Messaging;

namespace Casty.Orleans;

/// <summary>What joining a stream as a writer and as a reader have in common.</summary>
internal static class Joining
{
    /// <summary>
    /// How long a call to join waits for its answer: longer than it ever takes, and not for as long as Orleans would have a client
    /// wait for a silo that is gone.
    /// </summary>
    public const string ResponseTimeout = "00:00:12";

    /// <summary>The same for a call in which the callee joins: its own call may be repeated.</summary>
    public const string LongResponseTimeout = "00:00:30";

    private const int Attempts = 10;

    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>The observers of a process that a joining end names.</summary>
    public readonly record struct Observers<T>(IStreamElementObserver<T> Elements, IStreamDemandObserver Demand);

    /// <summary>
    /// Asks to join, outside any grain's turn: an end belongs to its process, and no grain's context travels with its messages.
    /// Whatever goes wrong, nothing is left behind.
    /// </summary>
    public static async Task<StreamJoined<T>> RunAsync<T>(StreamHost host, Func<Observers<T>, Task<StreamJoined<T>?>> join, Func<Task> undo,
        CancellationToken cancellationToken)
    {
        var asking = AskAsync();
        try
        {
            return await asking.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _ = UndoAsync(isRefused: exception is StreamException or ArgumentException);
            throw;
        }

        Task<StreamJoined<T>> AskAsync()
        {
            using var _ = ExecutionContext.SuppressFlow();
            return Task.Run(async () => await AskUntilKnownAsync(join, await AcquireAsync<T>(host).ConfigureAwait(false), cancellationToken).ConfigureAwait(false), CancellationToken.None);
        }

        // The answer may still come, or may have been lost: what was joined is left again. Who was refused has not joined.
        async Task UndoAsync(bool isRefused)
        {
            await ((Task)asking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
            if (!isRefused) Tell(host, undo);
            Release<T>(host);
        }
    }

    /// <summary>
    /// Asks again while the stream is being rebuilt, and a few times if the silo that was asked is lost: asking twice is joining once.
    /// </summary>
    private static async Task<StreamJoined<T>> AskUntilKnownAsync<T>(
        Func<Observers<T>, Task<StreamJoined<T>?>> join, Observers<T> observers, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; )
        {
            try
            {
                if (await join(observers).ConfigureAwait(false) is { } joined) return joined;
            }
            catch (Exception exception) when (IsTransient(exception) && attempt++ < Attempts)
            {
                await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The call may not have arrived, or its answer may have been lost.</summary>
    public static bool IsTransient(Exception exception) =>
        exception is SiloUnavailableException or OrleansMessageRejectionException or ConnectionFailedException or TimeoutException
        || exception.GetType() == typeof(OrleansException);   // what a grain directory throws that is not settled yet

    /// <summary>Calls a grain without waiting. What it is told can be lost: leases make up for it.</summary>
    public static void Tell(StreamHost host, Func<Task> call)
    {
        _ = TellAsync();

        async Task TellAsync()
        {
            try
            {
                await Task.Run(call).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                host.Log.CallLost(exception);
            }
        }
    }

    /// <summary>The producer as a writer sees it: itself if it is in this process.</summary>
    public static IElementPort<T> Elements<T>(StreamHost host, StreamJoined<T> joined) =>
        joined.Process == host.Process && host.TryGet(joined.End, out ProducerEnd<T> producer)
            ? producer
            : new RemoteElements<T>(host, joined.Elements, joined.Process, joined.End);

    /// <summary>The producer as a reader sees it: itself if it is in this process.</summary>
    public static IDemandPort Demand<T>(StreamHost host, StreamJoined<T> joined) =>
        joined.Process == host.Process && host.TryGet(joined.End, out ProducerEnd<T> producer)
            ? producer
            : new RemoteDemand(host, joined.Demand, joined.Process, joined.End);

    /// <summary>The roster that an end has joined with, if it is to carry it: within a process, all who do share one.</summary>
    public static Protocol.Roster? Roster<T>(StreamHost host, StreamJoined<T> joined)
    {
        var roster = WireFormat.FromWire(joined.Roster);
        bool isLocal = roster is not null && joined.Process == host.Process;
        return isLocal && host.TryGet(joined.End, out ProducerEnd<T> producer) && producer.Roster is { } own && own.Mark == roster!.Mark ? own : roster;
    }

    /// <summary>The grain's activation that answered does not know yet that the stream has gone on elsewhere.</summary>
    public static bool IsOlder<T>(StreamJoined<T> joined, Protocol.StreamKey stream) => IsOlder(new Protocol.StreamKey(joined.Stream, joined.Incarnation), stream);

    /// <summary>That lifetime of the stream's producer was before the other.</summary>
    public static bool IsOlder(Protocol.StreamKey stream, Protocol.StreamKey than) => stream.Id == than.Id && stream.Incarnation < than.Incarnation;

    /// <summary>The producer that an end has joined; null if it is in this process.</summary>
    public static Elsewhere? Elsewhere<T>(StreamHost host, StreamJoined<T>? joined) =>
        joined is null || joined.Process == host.Process ? null : new Elsewhere(joined.End, joined.Demand);

    /// <summary>Should the producer that an end has left live on, nobody else may tell it that another has its place.</summary>
    /// <param name="host">The process.</param>
    /// <param name="left">How the end saw that producer.</param>
    /// <param name="elsewhere">Where it is, if not in this process.</param>
    /// <param name="by">What has its place.</param>
    public static void TellReplaced(StreamHost host, object left, Elsewhere? elsewhere, Protocol.StreamKey by)
    {
        if (elsewhere is not null) Tell(host, () => elsewhere.Demand.ReplacedAsync(elsewhere.End, by.Id, by.Incarnation).AsTask());
        else (left as IProducerEnd)?.OnReplaced(by);
    }

    /// <summary>Has an end ask where its producer is, should that be in another process and that process be silent.</summary>
    public static IDisposable? Watch<T>(StreamHost host, StreamJoined<T>? joined, Action onSilent) =>
        joined is null || joined.Process == host.Process ? null : host.Peers.Watch(joined.Process, joined.Demand, onSilent);

    public static async Task<Observers<T>> AcquireAsync<T>(StreamHost host)
    {
        var elements = host.Of<T>().Observer.AcquireAsync();
        var demand = host.DemandObserver.AcquireAsync();
        return new Observers<T>(await elements.ConfigureAwait(false), await demand.ConfigureAwait(false));
    }

    /// <summary>The observers that an end of this process holds already.</summary>
    public static async Task<Observers<T>> PeekAsync<T>(StreamHost host)
    {
        var observers = await AcquireAsync<T>(host).ConfigureAwait(false);
        Release<T>(host);
        return observers;
    }

    public static void Release<T>(StreamHost host)
    {
        host.Of<T>().Observer.Release();
        host.DemandObserver.Release();
    }
}
