using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Casty.Orleans;

/// <summary>A source as a channel's reader. It keeps its handle alive, so that code holding only this still reads.</summary>
internal sealed class SourceReader<T>(SourceRef<T> source) : ChannelReader<T>
{
    public override Task Completion => source.Completion;

    public override bool CanCount => true;

    public override int Count => source.End?.Count ?? 0;

    public override bool CanPeek => true;

    public override bool TryPeek([MaybeNullWhen(false)] out T item)
    {
        if (source.End is { } end) return end.TryPeek(out item);
        item = default;
        return false;
    }

    public override bool TryRead([MaybeNullWhen(false)] out T item) => source.TryRead(out item);

    public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<bool>(cancellationToken);
        return AwaitAsync(cancellationToken);
    }

    public override async ValueTask<T> ReadAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (source.TryRead(out var item)) return item;
            await source.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (source.TryRead(out item)) return item;
            if (source.End?.End is not null) throw new ChannelClosedException(source.Error);
        }
    }

    private async ValueTask<bool> AwaitAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await source.WaitAsync(cancellationToken).ConfigureAwait(false)) return true;

            // Another reader may have taken what came; only the end is an answer.
            if (source.End?.End is null) continue;
            if (source.Error is { } error) throw error;
            return false;
        }
    }
}
