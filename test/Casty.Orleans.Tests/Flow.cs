using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A stream that is written all the time, and a reader that sees that nothing is lost, doubled or out of turn.</summary>
internal sealed class Flow : IAsyncDisposable
{
    private readonly SourceRef<int> _source;
    private readonly IAsyncEnumerator<int> _loop;
    private readonly CancellationTokenSource _enough = new();
    private readonly Task<int> _writing;
    private readonly Func<string>? _describe;
    private int _next;
    private int _written;

    /// <param name="sink">Where it is written.</param>
    /// <param name="source">Where it is read.</param>
    /// <param name="describe">Tells what there is of the stream, should it stand still.</param>
    public Flow(SinkRef<int> sink, SourceRef<int> source, Func<string>? describe = null)
    {
        _describe = describe;
        Sink = sink;
        _source = source;
        _loop = source.GetAsyncEnumerator();
        _writing = Task.Run(WriteAsync);
    }

    public SinkRef<int> Sink { get; }

    /// <summary>One whose producer is on the silo of that number, with neither end there.</summary>
    public static async Task<Flow> WithProducerAtAsync(ClusterBed bed, int silo, string name, Place writer, Place reader)
    {
        // Whoever asks first decides where the producer is: that silo asks, and leaves again once the others are there.
        await using var starter = await bed.Factory(silo).GetSinkAsync<int>(name);
        var sink = await bed[writer].GetSinkAsync<int>(name);
        var source = await bed[reader].GetSourceAsync<int>(name);
        await starter.CompleteAsync();
        await starter.Completion.WaitAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new Flow(sink, source, () => bed.Describe<int>(name));
    }

    public async Task ReadAsync(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Assert.True(await MoveNextAsync());
            Assert.Equal(_next++, _loop.Current);
        }
    }

    private async ValueTask<bool> MoveNextAsync()
    {
        var moving = _loop.MoveNextAsync();
        if (moving.IsCompleted) return await moving;
        try
        {
            return await moving.Soon();
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(
                $"It stands still after {_next} of {_written} elements; writing: {_writing.Status}, sink: {Sink.Completion.Status}. {_describe?.Invoke()}");
        }
    }

    /// <summary>Reads until there were so many, or the stream turns out to be cut.</summary>
    public async Task<bool> TryReadAsync(int count)
    {
        try
        {
            await ReadAsync(count);
            return true;
        }
        catch (StreamAbandonedException)
        {
            return false;
        }
    }

    public async Task FinishAsync()
    {
        await _enough.CancelAsync();
        while (await MoveNextAsync()) Assert.Equal(_next++, _loop.Current);
        Assert.Equal(await _writing.Soon(), _next);
        await Sink.Completion.Soon();
    }

    public async ValueTask DisposeAsync()
    {
        await _enough.CancelAsync();
        await _loop.DisposeAsync();
        await _source.DisposeAsync();
        await Sink.DisposeAsync();
        await ((Task)_writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _enough.Dispose();
    }

    private async Task<int> WriteAsync()
    {
        for (; !_enough.IsCancellationRequested; _written++) await Sink.PutAsync(_written);
        await Sink.CompleteAsync();
        return _written;
    }
}
