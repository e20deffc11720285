using System.Runtime.CompilerServices;
using Casty.Orleans.Chaos.Roles;
using Orleans;

namespace Casty.Orleans.Chaos.Soaking;

/// <summary>A stream of a few elements, from its beginning to one of its ends. Throws where that is not the end it should have.</summary>
internal static class ShortStream
{
    private const int Count = 5;

    public static async Task RunAsync(Ending ending, string name, IGrainFactory writer, IGrainFactory reader)
    {
        using var cancel = new CancellationTokenSource();
        switch (ending)
        {
            case Ending.SinkWithdrawn:
                // One that was faster than its cancellation abandons a stream that nobody reads: that is kept for this long.
                var sinking = writer.GetSinkAsync<Item>(name, new() { SubscriptionTimeout = SoakCluster.Lease }, cancel.Token);
                await cancel.CancelAsync();
                await DisposeAnywayAsync(sinking);
                return;

            case Ending.SourceWithdrawn:
                var sourcing = reader.GetSourceAsync<Item>(name, cancellationToken: cancel.Token);
                await cancel.CancelAsync();
                await DisposeAnywayAsync(sourcing);
                return;

            case Ending.SinkCollected:
                await LoseSinkAsync(name, writer);
                return;

            case Ending.SourceCollected:
                await LoseSourceAsync(name, reader);
                return;
        }

        await using var sink = await writer.GetSinkAsync<Item>(name, new() { BufferSize = 8 });
        await using var source = await reader.GetSourceAsync<Item>(name, "c");
        for (int i = 0; i < Count; i++) await sink.PutAsync(Item.Create(1, 0, i, 200));
        switch (ending)
        {
            case Ending.Completed:
                await sink.CompleteAsync();
                await ReadAsync(source, Count);
                await sink.Completion;
                break;

            case Ending.CompletedUnread:
                await sink.CompleteAsync();
                break;

            case Ending.Failed:
                await sink.FailAsync(new PlannedException("As planned."));
                await ThrowsAsync<PlannedException>(() => ReadAsync(source, Count));
                break;

            case Ending.BrokenOff:
                await foreach (var _ in source) break;
                await ThrowsAsync<StreamClosedException>(() => sink.Completion);
                break;

            case Ending.CancelledByToken:
                await ThrowsAsync<OperationCanceledException>(async () =>
                {
                    await foreach (var _ in source.WithCancellation(cancel.Token)) await cancel.CancelAsync();
                });
                break;

            case Ending.Abandoned:
                await sink.DisposeAsync();
                await ThrowsAsync<StreamAbandonedException>(() => ReadAsync(source, Count));
                break;

            case Ending.SourceDisposed:
                await source.DisposeAsync();
                break;

            case Ending.Detached:
                await source.Reader.ReadAsync();
                await source.DetachAsync();
                await sink.CompleteAsync();
                await using (var next = await reader.GetSourceAsync<Item>(name, "c")) await ReadAsync(next, Count - 1);
                break;

            case Ending.TakenOver:
                await source.Reader.ReadAsync();
                await using (var next = await writer.GetSourceAsync<Item>(name, "c"))
                {
                    await sink.CompleteAsync();
                    await ReadAsync(next, Count - 1);
                }

                await ThrowsAsync<StreamSupersededException>(() => source.Completion);
                break;

            case Ending.OneOfThreeAbandons:
                await using (var second = await reader.GetSinkAsync<Item>(name))
                await using (var third = await writer.GetSinkAsync<Item>(name))
                {
                    await second.PutAsync(Item.Create(1, 1, 0, 0));
                    await third.DisposeAsync();
                    await sink.CompleteAsync();
                    await second.CompleteAsync();
                    await ThrowsAsync<StreamAbandonedException>(() => ReadAsync(source, Count + 1));
                }

                break;

            case Ending.Refused:
                await ThrowsAsync<StreamOccupiedException>(() => writer.GetSourceAsync<Item>(name, "other"));
                await ThrowsAsync<ArgumentException>(() => reader.GetSinkAsync<Item>(name, new() { BufferSize = 5 }));
                break;
        }
    }

    private static async Task ReadAsync(SourceRef<Item> source, int expected)
    {
        int count = 0;
        try
        {
            await foreach (var item in source)
            {
                count++;
                if (!item.IsWhole) throw new InvalidDataException($"Element {item.Number} is not what was put.");
            }
        }
        finally
        {
            if (count != expected) throw new InvalidDataException($"{count} elements came instead of {expected}.");
        }
    }

    private static async Task ThrowsAsync<TException>(Func<Task> act)
        where TException : Exception
    {
        try
        {
            await act();
        }
        catch (TException)
        {
            return;
        }

        throw new InvalidDataException($"{typeof(TException).Name} was expected.");
    }

    private static async Task DisposeAnywayAsync<TRef>(Task<TRef> getting)
        where TRef : IAsyncDisposable
    {
        try
        {
            await using var one = await getting;
        }
        catch (OperationCanceledException)
        {
            // It was in time.
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task LoseSinkAsync(string name, IGrainFactory writer)
    {
        var sink = await writer.GetSinkAsync<Item>(name, new() { SubscriptionTimeout = SoakCluster.Lease });
        await sink.PutAsync(Item.Create(1, 0, 0, 200));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task LoseSourceAsync(string name, IGrainFactory reader) => _ = await reader.GetSourceAsync<Item>(name);
}
