using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A ref that is collected undisposed counts as disposed, and a warning says so.</summary>
public sealed class CollectedTests(CollectedTests.Fixture fixture) : IClassFixture<CollectedTests.Fixture>
{
    private readonly ClusterBed _bed = fixture.Bed;

    [Theory, NearAndFar]
    public async Task CollectedSink_IsAbandoned(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var source = await _bed[reader].GetSourceAsync<int>(name).Soon();
        var sink = await OpenSinkAsync(writer, name);
        Assert.Equal(1, await source.Reader.ReadAsync().Soon());

        var end = source.Reader.WaitToReadAsync().AsTask();
        await CollectUntilAsync(() => end.IsCompleted);
        await Assert.ThrowsAsync<StreamAbandonedException>(() => end);
        Assert.False(sink.IsAlive);
        AssertWarned("sink", name);
    }

    [Theory, NearAndFar]
    public async Task CollectedSource_Cancels(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await _bed[writer].GetSinkAsync<int>(name).Soon();
        await sink.PutAsync(1).Soon();
        var source = await OpenSourceAsync(reader, name, consumer: null, options: null);
        await CollectUntilAsync(() => sink.Completion.IsCompleted);
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion)).Reason);
        Assert.False(source.IsAlive);
        AssertWarned("source", name);
    }

    [Fact]
    public async Task CollectedSource_ThatIsToDetach_Detaches()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await sink.PutAllAsync([1, 2]).Soon();
        var source = await OpenSourceAsync(Place.Client, name, "c", new() { OnLeave = StreamLeave.Detach });
        await CollectUntilAsync(() => !source.IsAlive && _bed.Log.Warnings.Any(warning => warning.Contains(name, StringComparison.Ordinal)));

        await sink.CompleteAsync().Soon();
        await using var next = await _bed[Place.SiloB].GetSourceAsync<int>(name, "c").Soon();
        Assert.Equal([2], await next.ToListAsync().Soon());
    }

    [Theory, NearAndFar]
    public async Task CollectedSource_ThatWasReadToItsEnd_HasFinished(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await _bed[writer].GetSinkAsync<int>(name).Soon();
        await sink.PutAsync(1).Soon();
        await sink.CompleteAsync().Soon();
        var source = await OpenSourceAsync(reader, name, consumer: null, options: null, untilEnd: true);
        await CollectUntilAsync(() => sink.Completion.IsCompleted);
        await sink.Completion;
        Assert.False(source.IsAlive);
        Assert.DoesNotContain(_bed.Log.Warnings, warning => warning.Contains(name, StringComparison.Ordinal));
    }

    /// <summary>What a finalizer throws ends the process.</summary>
    [Fact]
    public async Task LoggerThatThrows_HoldsNothingUp()
    {
        string name = Cluster.Name();
        await using (var source = await _bed[Place.SiloA].GetSourceAsync<int>(name).Soon())
        {
            await OpenSinkAsync(Place.Client, name);
            Assert.Equal(1, await source.Reader.ReadAsync().Soon());
            var end = source.Reader.WaitToReadAsync().AsTask();
            await CollectUntilAsync(() => end.IsCompleted);
            await Assert.ThrowsAsync<StreamAbandonedException>(() => end);
        }

        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>($"{name}/2").Soon();
        await sink.PutAsync(1).Soon();
        await OpenSourceAsync(Place.Client, $"{name}/2", consumer: null, options: null);
        await CollectUntilAsync(() => sink.Completion.IsCompleted);
        await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion);
    }

    [Fact]
    public async Task SinkThatIsWaitedOn_IsNotCollected()
    {
        string name = Cluster.Name();
        await using var source = await _bed[Place.Client].GetSourceAsync<int>(name, options: new() { InitialDemand = 1 }).Soon();
        var putting = PutThreeAsync(name);
        await Waiting.UntilAsync(() => source.Reader.Count == 1);
        for (int i = 0; i < 3; i++) Collect();
        for (int i = 0; i < 3; i++) Assert.Equal(i, await source.Reader.ReadAsync().Soon());
        await putting.Soon();

        async Task PutThreeAsync(string name)
        {
            var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 1 });
            for (int i = 0; i < 3; i++) await sink.PutAsync(i);
        }
    }

    [Fact]
    public async Task LoopThatWaits_IsNotCollected()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        var reading = ReadAsync(name);
        await sink.PutAsync(1).Soon();
        for (int i = 0; i < 3; i++) Collect();
        await sink.PutAsync(2).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal(2, await reading.Soon());

        async Task<int> ReadAsync(string name) => await (await _bed[Place.Client].GetSourceAsync<int>(name)).CountAsync();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private async Task<WeakReference> OpenSinkAsync(Place place, string name)
    {
        var sink = await _bed[place].GetSinkAsync<int>(name).Soon();
        await sink.PutAsync(1).Soon();
        return new WeakReference(sink);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private async Task<WeakReference> OpenSourceAsync(Place place, string name, string? consumer, StreamConsumerOptions? options, bool untilEnd = false)
    {
        var source = await _bed[place].GetSourceAsync<int>(name, consumer, options).Soon();
        Assert.Equal(1, await source.Reader.ReadAsync().Soon());
        if (untilEnd) await source.Completion.Soon();
        return new WeakReference(source);
    }

    private void AssertWarned(string handle, string name) => Assert.Contains(_bed.Log.Warnings, warning =>
        warning.Contains(handle, StringComparison.Ordinal) && warning.Contains(name, StringComparison.Ordinal));

    private static Task CollectUntilAsync(Func<bool> condition) => Waiting.UntilAsync(() =>
    {
        if (condition()) return true;
        Collect();
        return false;
    });

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Client = client => client.Services.AddSingleton<ILoggerProvider>(new Choking()) };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }

    /// <summary>Fails to log what one of the tests has it log.</summary>
    private sealed class Choking : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (formatter(state, exception).Contains(nameof(LoggerThatThrows_HoldsNothingUp), StringComparison.Ordinal)) throw new IOException("The disk is full.");
        }

        public void Dispose()
        {
        }
    }
}
