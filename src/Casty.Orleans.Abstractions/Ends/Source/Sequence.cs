namespace Casty.Orleans;

/// <summary>How a sequence is put, one element at a time, so that the end of either side reaches the other.</summary>
internal static class Sequence
{
    public static async Task PutAllAsync<T>(SinkRef<T> sink, IAsyncEnumerable<T> elements, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = StopAtEndAsync(sink.Completion, stop);
        var source = elements as SourceRef<T>;
        var hand = source is null ? null : new Hand(stop);
        try
        {
            await using var loop = hand is null ? elements.GetAsyncEnumerator(stop.Token) : source!.GetAsyncEnumerator(hand, stop.Token);
            while (await loop.MoveNextAsync())
            {
                if (hand is null) await sink.PutAsync(loop.Current, cancellationToken);
                else await PutFromAsync(source!, hand, loop.Current, sink, stop.Token);
            }

            // A sequence may just end when it is told to stop: it was cut all the same.
            stop.Token.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (sink.Closing is { } closing) throw StreamErrors.ForPut(sink.Producer, closing);
            if (hand is { WasLetGo: true }) throw;
            await sink.Completion;   // one that was handed over could not be opened
            throw;
        }
        finally
        {
            await stop.CancelAsync();
            await watching;
        }
    }

    /// <summary>An element of another stream is finished there when it was put, and not before.</summary>
    private static async ValueTask PutFromAsync<T>(SourceRef<T> source, Hand hand, T element, SinkRef<T> sink, CancellationToken cancellationToken)
    {
        try
        {
            await sink.PutAsync(element, cancellationToken).ConfigureAwait(false);   // whoever lets go waits, in whatever context this runs
        }
        catch
        {
            if (!hand.TryDrop()) source.LeaveInHand();
            throw;
        }

        hand.Clear();
    }

    /// <summary>The sequence may be idle when the stream ends, and is told at once.</summary>
    private static async Task StopAtEndAsync(Task completion, CancellationTokenSource stop)
    {
        await completion.WaitAsync(stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await stop.CancelAsync().ConfigureAwait(false);
    }
}
