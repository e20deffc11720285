using System.Threading.Channels;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// <see cref="SinkRef{T}.Writer"/> and <see cref="SourceRef{T}.Reader"/> keep the contract of channels: what the tests of
/// System.Threading.Channels ask for, over a pipe and over a cluster.
/// </summary>
public abstract class ChannelContractTests
{
    private readonly List<IAsyncDisposable> _refs = [];

    /// <summary>A stream that takes one unread element beyond the one its reader asks for, unless said otherwise.</summary>
    protected abstract Task<(SinkRef<int> Sink, SourceRef<int> Source)> OpenAsync(StreamProducerOptions producer, StreamConsumerOptions consumer);

    private async Task<(ChannelWriter<int> Writer, ChannelReader<int> Reader)> CreateAsync(int bufferSize = 1, int demand = 1)
    {
        var (sink, source) = await OpenAsync(new() { BufferSize = bufferSize }, new() { InitialDemand = demand }).Soon();
        _refs.Add(sink);
        _refs.Add(source);
        return (sink.Writer, source.Reader);
    }

    protected async Task DisposeRefsAsync()
    {
        foreach (var one in _refs) await one.DisposeAsync().Soon();
    }

    [Fact]
    public async Task Completion_IsTheSameTask()
    {
        var (_, reader) = await CreateAsync();
        Assert.Same(reader.Completion, reader.Completion);
    }

    [Fact]
    public async Task Complete_Empty_TriggersCompletion()
    {
        var (writer, reader) = await CreateAsync();
        writer.Complete();
        await reader.Completion.Soon();
    }

    [Fact]
    public async Task Complete_Empty_EndsWaitingReads()
    {
        var (writer, reader) = await CreateAsync();
        var read = reader.ReadAsync();
        var wait = reader.WaitToReadAsync();
        writer.Complete();
        var error = await Assert.ThrowsAsync<ChannelClosedException>(() => read.Soon());
        Assert.Null(error.InnerException);
        Assert.False(await wait.Soon());
    }

    [Fact]
    public async Task Complete_NotEmpty_CompletionComesWithTheLastElement()
    {
        var (writer, reader) = await CreateAsync();
        await writer.WriteAsync(42).Soon();
        writer.Complete();
        Assert.True(await reader.WaitToReadAsync().Soon());
        Assert.False(reader.Completion.IsCompleted);
        Assert.Equal(42, await reader.ReadAsync().Soon());
        await reader.Completion.Soon();
        Assert.False(await reader.WaitToReadAsync().Soon());
        await Assert.ThrowsAsync<ChannelClosedException>(() => reader.ReadAsync().Soon());
    }

    [Fact]
    public async Task Complete_Twice_Throws()
    {
        var (writer, _) = await CreateAsync();
        writer.Complete();
        Assert.Throws<ChannelClosedException>(() => writer.Complete());
    }

    [Fact]
    public async Task TryComplete_Twice_ReturnsTrueThenFalse()
    {
        var (writer, _) = await CreateAsync();
        Assert.True(writer.TryComplete());
        Assert.False(writer.TryComplete());
        Assert.False(writer.TryComplete());
    }

    [Fact]
    public async Task TryComplete_WithError_FaultsCompletion()
    {
        var (writer, reader) = await CreateAsync();
        Assert.True(writer.TryComplete(new FormatException("Boom.")));
        Assert.Equal("Boom.", (await Assert.ThrowsAsync<FormatException>(() => reader.Completion.Soon())).Message);
    }

    [Fact]
    public async Task TryComplete_WithCancellation_CancelsCompletion()
    {
        var (writer, reader) = await CreateAsync();
        Assert.True(writer.TryComplete(new OperationCanceledException("Enough.")));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reader.Completion.Soon());
        Assert.True(reader.Completion.IsCanceled);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reader.WaitToReadAsync().Soon());
        Assert.IsAssignableFrom<OperationCanceledException>((await Assert.ThrowsAsync<ChannelClosedException>(() => reader.ReadAsync().Soon())).InnerException);
    }

    [Fact]
    public async Task TryPeek_TellsTheNextElement_AndLeavesItThere()
    {
        var (writer, reader) = await CreateAsync();
        Assert.True(reader.CanPeek);
        Assert.False(reader.TryPeek(out _));
        await writer.WriteAsync(42).Soon();
        await writer.WriteAsync(43).Soon();
        writer.Complete();
        Assert.True(await reader.WaitToReadAsync().Soon());
        for (int i = 0; i < 3; i++)
        {
            Assert.True(reader.TryPeek(out int peeked));
            Assert.Equal(42, peeked);
        }

        Assert.Equal(42, await reader.ReadAsync().Soon());
        Assert.Equal(43, await reader.ReadAsync().Soon());
        Assert.False(reader.TryPeek(out _));
        await reader.Completion.Soon();
    }

    [Fact]
    public async Task Complete_WithError_FaultsWaitingAndLaterReads()
    {
        var (writer, reader) = await CreateAsync();
        var read = reader.ReadAsync();
        var wait = reader.WaitToReadAsync();
        writer.Complete(new FormatException("Boom."));

        Assert.IsType<FormatException>((await Assert.ThrowsAsync<ChannelClosedException>(() => read.Soon())).InnerException);
        await Assert.ThrowsAsync<FormatException>(() => wait.Soon());
        Assert.IsType<FormatException>((await Assert.ThrowsAsync<ChannelClosedException>(() => reader.ReadAsync().Soon())).InnerException);
        await Assert.ThrowsAsync<FormatException>(() => reader.WaitToReadAsync().Soon());
        Assert.False(reader.TryRead(out _));
    }

    [Fact]
    public async Task Complete_WithError_GivesTheElementsFirst()
    {
        var (writer, reader) = await CreateAsync();
        await writer.WriteAsync(1).Soon();
        await writer.WriteAsync(2).Soon();
        writer.Complete(new FormatException("Boom."));

        Assert.Equal(1, await reader.ReadAsync().Soon());
        Assert.Equal(2, await reader.ReadAsync().Soon());
        await Assert.ThrowsAsync<FormatException>(() => reader.Completion.Soon());
    }

    [Fact]
    public async Task Complete_WithError_FaultsWaitingAndLaterWrites()
    {
        var (writer, _) = await CreateAsync();
        var write = BlockedWrite(writer);
        var wait = writer.WaitToWriteAsync();
        var cause = new FormatException("Boom.");
        writer.Complete(cause);

        // The stream's exception is inside, and the cause inside that.
        AssertFailed(await Assert.ThrowsAsync<ChannelClosedException>(() => write.Soon()));
        AssertFailed(await Assert.ThrowsAsync<ChannelClosedException>(() => writer.WriteAsync(1).Soon()));
        Assert.Same(cause, (await Assert.ThrowsAsync<StreamClosedException>(() => wait.Soon())).InnerException);
        Assert.Same(cause, (await Assert.ThrowsAsync<StreamClosedException>(() => writer.WaitToWriteAsync().Soon())).InnerException);
        Assert.False(writer.TryWrite(1));

        void AssertFailed(ChannelClosedException error)
        {
            var inner = Assert.IsType<StreamClosedException>(error.InnerException);
            Assert.Equal(StreamEndReason.Failed, inner.Reason);
            Assert.Same(cause, inner.InnerException);
        }
    }

    [Fact]
    public async Task Complete_EndsWaitingAndLaterWrites()
    {
        var (writer, _) = await CreateAsync();
        var write = BlockedWrite(writer);
        var wait = writer.WaitToWriteAsync();
        writer.Complete();

        var error = await Assert.ThrowsAsync<ChannelClosedException>(() => write.Soon());
        Assert.Equal(StreamEndReason.Completed, Assert.IsType<StreamClosedException>(error.InnerException).Reason);
        Assert.False(await wait.Soon());
        Assert.False(await writer.WaitToWriteAsync().Soon());
        Assert.False(writer.TryWrite(1));
        error = await Assert.ThrowsAsync<ChannelClosedException>(() => writer.WriteAsync(1).Soon());
        Assert.Equal(StreamEndReason.Completed, Assert.IsType<StreamClosedException>(error.InnerException).Reason);
    }

    [Fact]
    public async Task WaitToWrite_AfterComplete_StaysFalseWhenTheReaderLeaves()
    {
        var (sink, source) = await OpenAsync(new() { BufferSize = 1 }, new() { InitialDemand = 1 }).Soon();
        await using var _ = sink;
        await sink.PutAsync(1).Soon();
        sink.Writer.Complete();
        await source.DisposeAsync().Soon();
        await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon());
        Assert.False(await sink.Writer.WaitToWriteAsync().Soon());
    }

    [Fact]
    public async Task ReaderLeaves_WritesAreClosed()
    {
        var (sink, source) = await OpenAsync(new() { BufferSize = 1 }, new() { InitialDemand = 1 }).Soon();
        await using var _ = sink;
        var write = BlockedWrite(sink.Writer);
        await source.DisposeAsync().Soon();
        var error = await Assert.ThrowsAsync<ChannelClosedException>(() => write.Soon());
        Assert.Equal(StreamEndReason.Cancelled, Assert.IsType<StreamClosedException>(error.InnerException).Reason);
        Assert.False(sink.Writer.TryWrite(1));
        Assert.False(sink.Writer.TryComplete());
    }

    [Fact]
    public async Task WaitToRead_DoesNotConsume()
    {
        var (writer, reader) = await CreateAsync();
        await writer.WriteAsync(1).Soon();
        for (int i = 0; i < 3; i++) Assert.True(await reader.WaitToReadAsync().Soon());
        Assert.True(reader.TryRead(out int one));
        Assert.Equal(1, one);
        Assert.False(reader.TryRead(out _));
    }

    [Fact]
    public async Task WaitToRead_WaitsForData()
    {
        var (writer, reader) = await CreateAsync();
        var waits = Enumerable.Range(0, 3).Select(_ => reader.WaitToReadAsync().AsTask()).ToArray();
        Assert.All(waits, wait => Assert.False(wait.IsCompleted));
        await writer.WriteAsync(1).Soon();
        foreach (var wait in waits) Assert.True(await wait.Soon());
        Assert.True(reader.TryRead(out _));
    }

    [Fact]
    public async Task WaitToWrite_WaitsForRoom()
    {
        var (writer, reader) = await CreateAsync();
        Assert.True(await writer.WaitToWriteAsync().Soon());
        await FillAsync(writer);
        var waits = Enumerable.Range(0, 3).Select(_ => writer.WaitToWriteAsync().AsTask()).ToArray();
        Assert.All(waits, wait => Assert.False(wait.IsCompleted));
        Assert.Equal(0, await reader.ReadAsync().Soon());
        Assert.Equal(1, await reader.ReadAsync().Soon());
        foreach (var wait in waits) Assert.True(await wait.Soon());
        Assert.True(writer.TryWrite(2));
    }

    [Fact]
    public async Task WaitingWrites_AreServedInTurn()
    {
        var (writer, reader) = await CreateAsync();
        var writes = Enumerable.Range(0, 10).Select(i => writer.WriteAsync(i).AsTask()).ToArray();
        for (int i = 0; i < 10; i++) Assert.Equal(i, await reader.ReadAsync().Soon());
        await Task.WhenAll(writes).Soon();
    }

    [Fact]
    public async Task ReadsBeforeWrites_AreAllServed()
    {
        var (writer, reader) = await CreateAsync();
        var reads = Enumerable.Range(0, 10).Select(_ => reader.ReadAsync().AsTask()).ToArray();
        for (int i = 0; i < 10; i++) await writer.WriteAsync(i).Soon();
        var read = await Task.WhenAll(reads).Soon();
        Assert.Equal(Enumerable.Range(0, 10), read.Order());
    }

    [Fact]
    public async Task PreCancelled_IsCancelledAtOnce()
    {
        var (writer, reader) = await CreateAsync(bufferSize: 10);
        var token = new CancellationToken(canceled: true);
        await writer.WriteAsync(1).Soon();
        Assert.True(writer.WriteAsync(2, token).IsCanceled);
        Assert.True(writer.WaitToWriteAsync(token).IsCanceled);
        Assert.True(reader.ReadAsync(token).IsCanceled);
        Assert.True(reader.WaitToReadAsync(token).IsCanceled);

        // Nothing was written, and nothing was taken.
        Assert.Equal(1, await reader.ReadAsync().Soon());
        Assert.False(reader.TryRead(out _));
    }

    [Fact]
    public async Task CancelledWhileReading_TakesNothing()
    {
        var (writer, reader) = await CreateAsync();
        using var cancel = new CancellationTokenSource();
        var read = reader.ReadAsync(cancel.Token);
        var wait = reader.WaitToReadAsync(cancel.Token);
        await cancel.CancelAsync();
        await AssertCancelledAsync(read.AsTask(), cancel.Token);
        await AssertCancelledAsync(wait.AsTask(), cancel.Token);

        await writer.WriteAsync(1).Soon();
        Assert.Equal(1, await reader.ReadAsync().Soon());
        Assert.False(reader.Completion.IsCompleted);
    }

    [Fact]
    public async Task CancelledWhileWriting_WritesNothing()
    {
        var (writer, reader) = await CreateAsync();
        await FillAsync(writer);
        using var cancel = new CancellationTokenSource();
        var write = writer.WriteAsync(100, cancel.Token);
        var wait = writer.WaitToWriteAsync(cancel.Token);
        await cancel.CancelAsync();
        await AssertCancelledAsync(write.AsTask(), cancel.Token);
        await AssertCancelledAsync(wait.AsTask(), cancel.Token);

        writer.Complete();
        Assert.Equal([0, 1], await reader.ReadAllAsync().ToListAsync().Soon());
    }

    [Fact]
    public async Task Count_IsWhatWaits()
    {
        var (writer, reader) = await CreateAsync(bufferSize: 8, demand: 8);
        Assert.True(reader.CanCount);
        Assert.Equal(0, reader.Count);
        for (int i = 0; i < 3; i++) await writer.WriteAsync(i).Soon();
        writer.Complete();
        await Waiting.UntilAsync(() => reader.Count == 3);
        Assert.True(reader.TryRead(out _));
        Assert.Equal(2, reader.Count);
    }

    [Fact]
    public async Task ReadAll_GivesEverything()
    {
        var (writer, reader) = await CreateAsync(bufferSize: 4, demand: 4);
        var reading = reader.ReadAllAsync().ToListAsync();
        for (int i = 0; i < 100; i++) await writer.WriteAsync(i).Soon();
        writer.Complete();
        Assert.Equal(Enumerable.Range(0, 100), await reading.Soon());
        Assert.Empty(await reader.ReadAllAsync().ToListAsync().Soon());
    }

    [Fact]
    public async Task ReadAll_BrokenOffAndTakenUpAgain_LosesNothing()
    {
        var (writer, reader) = await CreateAsync(bufferSize: 4, demand: 4);
        for (int i = 0; i < 4; i++) await writer.WriteAsync(i).Soon();
        writer.Complete();

        var read = new List<int>();
        await foreach (int one in reader.ReadAllAsync())
        {
            read.Add(one);
            if (read.Count == 2) break;
        }

        Assert.False(reader.Completion.IsCompleted);
        read.AddRange(await reader.ReadAllAsync().ToListAsync().Soon());
        Assert.Equal([0, 1, 2, 3], read);
    }

    [Fact]
    public async Task ReadAll_Failed_Throws()
    {
        var (writer, reader) = await CreateAsync();
        await writer.WriteAsync(1).Soon();
        writer.Complete(new FormatException("Boom."));
        await Assert.ThrowsAsync<FormatException>(() => reader.ReadAllAsync().ToListAsync().Soon());
    }

    [Fact]
    public async Task ReadAll_Cancelled_Throws()
    {
        var (_, reader) = await CreateAsync();
        using var cancel = new CancellationTokenSource();
        var reading = reader.ReadAllAsync(cancel.Token).ToListAsync();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.Soon());
        Assert.False(reader.Completion.IsCompleted);
    }

    [Fact]
    public async Task ManyWritersAndReaders_EachElementOnce()
    {
        const int Writers = 4, Readers = 4, Each = 500;
        var (writer, reader) = await CreateAsync(bufferSize: 16, demand: 16);

        var reads = Enumerable.Range(0, Readers).Select(_ => Task.Run(() => reader.ReadAllAsync().ToListAsync().AsTask())).ToArray();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++)
            {
                if (i % 3 > 0)
                {
                    await writer.WriteAsync((w * Each) + i);
                }
                else
                {
                    while (!writer.TryWrite((w * Each) + i)) Assert.True(await writer.WaitToWriteAsync());
                }
            }
        }))).Soon();
        writer.Complete();

        var read = await Task.WhenAll(reads).Soon();
        Assert.Equal(Enumerable.Range(0, Writers * Each), read.SelectMany(one => one).Order());

        // Each reader sees each writer's elements in their order.
        foreach (var one in read)
        {
            foreach (var ofWriter in one.GroupBy(i => i / Each)) Assert.Equal(ofWriter.Order(), ofWriter);
        }
    }

    /// <summary>Fills the stream with 0 and 1, which is all that it takes unread.</summary>
    private static async Task FillAsync(ChannelWriter<int> writer)
    {
        await writer.WriteAsync(0).Soon();
        await writer.WriteAsync(1).Soon();
    }

    /// <summary>The stream takes two unread elements; the third waits.</summary>
    private static ValueTask BlockedWrite(ChannelWriter<int> writer)
    {
        _ = Ignore(writer.WriteAsync(0));
        _ = Ignore(writer.WriteAsync(1));
        var blocked = writer.WriteAsync(2);
        Assert.False(blocked.IsCompleted);
        return blocked;

        static async Task Ignore(ValueTask write)
        {
            try
            {
                await write;
            }
            catch (ChannelClosedException)
            {
                // It had not been let in either when the stream was closed.
            }
        }
    }

    private static async Task AssertCancelledAsync(Task task, CancellationToken token)
    {
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task.Soon());
        Assert.Equal(token, error.CancellationToken);
        Assert.True(task.IsCanceled);
    }
}

/// <summary>The contract over a pipe.</summary>
public sealed class PipeChannelTests : ChannelContractTests, IAsyncLifetime
{
    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => DisposeRefsAsync();

    protected override Task<(SinkRef<int> Sink, SourceRef<int> Source)> OpenAsync(StreamProducerOptions producer, StreamConsumerOptions consumer) =>
        Task.FromResult(StreamPipe.Create<int>(producer, consumer));
}

/// <summary>The contract from one silo to the other.</summary>
[Collection(nameof(Cluster))]
public sealed class ClusterChannelTests(Cluster cluster) : ChannelContractTests, IAsyncLifetime
{
    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => DisposeRefsAsync();

    protected override async Task<(SinkRef<int> Sink, SourceRef<int> Source)> OpenAsync(StreamProducerOptions producer, StreamConsumerOptions consumer)
    {
        string name = Cluster.Name();
        var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name, producer);
        return (sink, await cluster[Place.SiloB].GetSourceAsync<int>(name, options: consumer));
    }
}
