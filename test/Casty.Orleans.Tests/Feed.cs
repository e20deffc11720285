using System.Runtime.CompilerServices;

namespace Casty.Orleans.Tests;

/// <summary>A sequence that says what became of it: how many elements it gave out, and that its enumerator was disposed.</summary>
internal sealed class Feed(int count = int.MaxValue)
{
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _given;

    /// <summary>Where it ends, and how: it throws this, waits until it is told to stop, or just ends.</summary>
    public Exception? Fails { get; init; }

    public bool Idles { get; init; }

    /// <summary>Told to stop, it just ends instead of throwing.</summary>
    public bool IsQuiet { get; init; }

    public int Given => Volatile.Read(ref _given);

    public Task Disposed => _disposed.Task;

    public async IAsyncEnumerable<int> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        try
        {
            while (_given < count)
            {
                await Task.Yield();
                yield return _given++;
            }

            if (Fails is not null) throw Fails;
            if (!Idles) yield break;
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(IsQuiet ? ConfigureAwaitOptions.SuppressThrowing : ConfigureAwaitOptions.None);
        }
        finally
        {
            _disposed.TrySetResult();
        }
    }
}
