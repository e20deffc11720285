using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Orleans;
using Orleans.Placement;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A grain holds a sink and a source: after every await of every member it is in its own turn.</summary>
[Collection(nameof(Cluster))]
public sealed class TurnTests(Cluster cluster)
{
    /// <summary>The grain lives on silo A; the producer beside it, or on the other silo.</summary>
    public static TheoryData<Place, string> Scenarios()
    {
        var data = new TheoryData<Place, string>();
        foreach (var producer in new[] { Place.SiloA, Place.SiloB })
        {
            foreach (string scenario in TurnGrain.Scenarios.Keys) data.Add(producer, scenario);
        }

        return data;
    }

    [Theory, MemberData(nameof(Scenarios))]
    public async Task EveryAwait_ResumesInTheGrainsTurn(Place producer, string scenario)
    {
        string name = $"{Cluster.Name()}/{scenario}";
        await using var first = await cluster[producer].GetSinkAsync<int>(name, new() { BufferSize = 1 }).Soon();

        var grain = cluster[Place.SiloA].GetGrain<ITurnGrain>(name);
        var (awaits, strays) = await grain.RunAsync(scenario, name).Soon();

        Assert.True(awaits > 0);
        Assert.Empty(strays);
    }
}

public interface ITurnGrain : IGrainWithStringKey
{
    /// <summary>Runs a scenario; answers how many awaits it checked, and after which the grain was not in its turn.</summary>
    Task<(int Awaits, string[] Strays)> RunAsync(string scenario, string stream);
}

[PreferLocalPlacement]
public sealed class TurnGrain : Grain, ITurnGrain
{
    /// <summary>One buffered element, one asked for: the third put waits.</summary>
    private static readonly StreamConsumerOptions One = new() { InitialDemand = 1 };

    private readonly List<string> _strays = [];
    private TaskScheduler? _turn;
    private int _awaits;

    public static IReadOnlyDictionary<string, Func<TurnGrain, string, Task>> Scenarios { get; } = new Dictionary<string, Func<TurnGrain, string, Task>>
    {
        ["Get"] = (grain, stream) => grain.GetAsync(stream),
        ["Put"] = (grain, stream) => grain.PutAsync(stream),
        ["PutBlocked"] = (grain, stream) => grain.PutBlockedAsync(stream),
        ["PutAll"] = (grain, stream) => grain.PutAllAsync(stream),
        ["Pipe"] = (grain, stream) => grain.PipeAsync(stream),
        ["Observe"] = (grain, stream) => grain.ObserveAsync(stream),
        ["HandedOver"] = (grain, stream) => grain.HandedOverAsync(stream),
        ["HandedOverSink"] = (grain, stream) => grain.HandedOverSinkAsync(stream),
        ["Serve"] = (grain, stream) => grain.ServeAsync(stream),
        ["Complete"] = (grain, stream) => grain.CompleteAsync(stream),
        ["Fail"] = (grain, stream) => grain.FailAsync(stream),
        ["Loop"] = (grain, stream) => grain.LoopAsync(stream),
        ["Reader"] = (grain, stream) => grain.ReaderAsync(stream),
        ["Writer"] = (grain, stream) => grain.WriterAsync(stream),
        ["Detach"] = (grain, stream) => grain.DetachAsync(stream),
        ["Dispose"] = (grain, stream) => grain.DisposeAsync(stream),
        ["Errors"] = (grain, stream) => grain.ErrorsAsync(stream),
    };

    public async Task<(int Awaits, string[] Strays)> RunAsync(string scenario, string stream)
    {
        _turn = TaskScheduler.Current;
        Assert.NotSame(TaskScheduler.Default, _turn);
        await Scenarios[scenario](this, stream);
        return (_awaits, [.. _strays]);
    }

    private async Task GetAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        Check();
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, "c");
        Check();
    }

    private async Task PutAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        Assert.True(await sink.WaitToPutAsync());
        Check();
        var put = sink.PutAsync(1);
        Assert.True(put.IsCompleted);
        await put;
        Check();
        sink.TryPut(2);
        await sink.DisposeAsync();
        Check();
    }

    private async Task PutBlockedAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, options: One);
        var reader = source.Reader;
        int put = 0;

        for (int i = 0; i < 3; i++)
        {
            var waiting = Blocked(sink, ref put);
            Assert.Equal(i, await reader.ReadAsync());
            Check();
            await waiting;
            Check();
        }

        while (sink.TryPut(put)) put++;
        var room = sink.WaitToPutAsync();
        while (reader.TryRead(out _))
        {
        }

        Assert.True(await room);
        Check();

        // The stream takes two unread elements at most.
        using var cancel = new CancellationTokenSource();
        ValueTask cancelled = default;
        for (int i = 0; i < 3; i++) cancelled = sink.PutAsync(put++, cancel.Token);
        var cancelledRoom = sink.WaitToPutAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cancelled);
        Check();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cancelledRoom);
        Check();

        static Task Blocked(SinkRef<int> sink, ref int put)
        {
            while (true)
            {
                var waiting = sink.PutAsync(put++);
                if (!waiting.IsCompleted) return waiting.AsTask();
            }
        }
    }

    private async Task PutAllAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, options: One);

        var putting = PutAsync();
        for (int i = 0; i < 20; i++)
        {
            await source.Reader.ReadAsync();
            Check();
        }

        await putting;

        async Task PutAsync()
        {
            await sink.PutAllAsync(Sync());
            Check();
            await sink.PutAllAsync(Async());
            Check();
        }

        IEnumerable<int> Sync()
        {
            for (int i = 0; i < 10; i++)
            {
                Check("a sequence");
                yield return i;
            }
        }
    }

    private async Task ServeAsync(string stream)
    {
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, options: One);
        var serving = ServeAsync();
        for (int i = 0; i < 10; i++)
        {
            await source.Reader.ReadAsync();
            Check();
        }

        // Whoever waits for the next element has finished the last.
        var more = source.Reader.WaitToReadAsync();
        await serving;
        Check();
        await source.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await more);

        async Task ServeAsync()
        {
            await GrainFactory.ServeAsync(stream, Async());
            Check();
        }
    }

    private async Task PipeAsync(string stream)
    {
        await using var from = await GrainFactory.GetSinkAsync<int>($"{stream}/from");
        await using var source = await GrainFactory.GetSourceAsync<int>($"{stream}/from", options: One);
        await using var sink = await GrainFactory.GetSinkAsync<int>($"{stream}/to");
        await using var end = await GrainFactory.GetSourceAsync<int>($"{stream}/to", options: One);
        var piping = PipeAsync();
        for (int i = 0; i < 5; i++)
        {
            await from.PutAsync(i);
            Assert.Equal(i, await end.Reader.ReadAsync());
            Check();
        }

        await from.CompleteAsync();
        Assert.False(await end.Reader.WaitToReadAsync());
        Check();
        await piping;

        async Task PipeAsync()
        {
            await source.Select(Checked).PipeToAsync(sink);
            Check();
        }
    }

    private async Task ObserveAsync(string stream)
    {
        await using var from = await GrainFactory.GetSinkAsync<int>($"{stream}/from");
        await using var source = await GrainFactory.GetSourceAsync<int>($"{stream}/from", options: One);
        await using var sink = await GrainFactory.GetSinkAsync<int>($"{stream}/to");
        await using var end = await GrainFactory.GetSourceAsync<int>($"{stream}/to");
        var piping = PipeAsync();
        await from.PutAllAsync([0, 1, 2, 3, 4]);
        await from.CompleteAsync();
        Assert.Equal([0, 1, 2, 3, 4], await end.ToListAsync());
        await piping;

        async Task PipeAsync()
        {
            await new Checking(source.ToObservable(), this).PipeToAsync(sink, StreamOverflow.Fail);
            Check();
        }
    }

    private async Task HandedOverAsync(string stream)
    {
        var giver = GrainFactory.GetGrain<IRefGrain>(stream);
        await using (var source = await giver.CountAsync($"{stream}/0", 3))
        {
            Assert.Equal(0, await source.Reader.ReadAsync());
            Check();
            await foreach (int _ in source.Reader.ReadAllAsync()) Check();
            Check();
        }

        await foreach (int _ in await giver.CountAsync($"{stream}/1", 3)) Check();
        Check();
        await (await giver.OpenAsync($"{stream}/2", "c")).DetachAsync();
        Check();
        await (await giver.OpenAsync($"{stream}/3", null)).DisposeAsync();
        Check();
        await giver.KeepAsync(await giver.OpenAsync($"{stream}/4", null));
        Check();
    }

    private async Task HandedOverSinkAsync(string stream)
    {
        var giver = GrainFactory.GetGrain<IRefGrain>(stream);
        await using var held = await GrainFactory.GetSinkAsync<int>($"{stream}/0", new() { BufferSize = 100 });   // keeps the stream open
        var sink = await giver.OpenSinkAsync($"{stream}/0");
        await sink.PutAsync(0);
        Check();
        await (await giver.OpenSinkAsync($"{stream}/0")).WaitToPutAsync();
        Check();
        await (await giver.OpenSinkAsync($"{stream}/0")).CompleteAsync();
        Check();
        await (await giver.OpenSinkAsync($"{stream}/0")).DisposeAsync();
        Check();
        await (await giver.OpenSinkAsync($"{stream}/0")).PutAllAsync(Async());
        Check();
        await (await giver.OpenSinkAsync($"{stream}/0")).FailAsync(new InvalidDataException());
        Check();
    }

    private int Checked(int element)
    {
        Check("a query");
        return element;
    }

    /// <summary>An observable that looks in whose turn it is observed.</summary>
    private sealed class Checking(IObservable<int> elements, TurnGrain grain) : IObservable<int>, IObserver<int>
    {
        private IObserver<int>? _observer;

        public IDisposable Subscribe(IObserver<int> observer)
        {
            _observer = observer;
            grain.Check("subscribed to");
            return elements.Subscribe(this);
        }

        public void OnNext(int value)
        {
            grain.Check("an element");
            _observer!.OnNext(value);
        }

        public void OnError(Exception error) => _observer!.OnError(error);

        public void OnCompleted()
        {
            grain.Check("the end");
            _observer!.OnCompleted();
        }
    }

    private async IAsyncEnumerable<int> Async()
    {
        for (int i = 0; i < 10; i++)
        {
            Check("an asynchronous sequence");
            yield return i;
            Check("an asynchronous sequence");
            await Task.Yield();
            Check("an asynchronous sequence");
        }
    }

    private async Task CompleteAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, options: One);
        await sink.PutAsync(1);
        Check();
        var completing = sink.CompleteAsync();
        await completing;
        Check();
        await sink.CompleteAsync();
        Check();

        // The test's own sink still writes: what this one put is finished without the stream being over.
        await source.Reader.ReadAsync();
        Check();
        var more = source.Reader.WaitToReadAsync();
        await sink.Completion;
        Check();
        await source.DisposeAsync();
        Check();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await more);
        Check();
    }

    private async Task FailAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, options: One);
        await sink.FailAsync(new InvalidOperationException("Boom."));
        Check();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await source.Reader.WaitToReadAsync());
        Check();
        await Assert.ThrowsAsync<InvalidOperationException>(() => sink.Completion);
        Check();
        await Assert.ThrowsAsync<InvalidOperationException>(() => source.Completion);
        Check();
    }

    private async Task LoopAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, options: One);

        await using (var loop = source.GetAsyncEnumerator())
        {
            var waiting = loop.MoveNextAsync();
            Assert.False(waiting.IsCompleted);
            await sink.PutAsync(1);
            Check();
            Assert.True(await waiting);
            Check();

            await sink.PutAsync(2);
            Check();
            Assert.True(await loop.MoveNextAsync());
            Check();
        }

        Check();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.Completion);
        Check();
        await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion);
        Check();
    }

    private async Task ReaderAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await using var source = await GrainFactory.GetSourceAsync<int>(stream);
        var reader = source.Reader;

        var reading = reader.ReadAsync();
        Assert.False(reading.IsCompleted);
        await sink.PutAsync(1);
        Check();
        Assert.Equal(1, await reading);
        Check();

        var waiting = reader.WaitToReadAsync();
        Assert.False(waiting.IsCompleted);
        await sink.PutAsync(2);
        Check();
        Assert.True(await waiting);
        Check();
        Assert.True(await reader.WaitToReadAsync());
        Check();
        Assert.Equal(2, await reader.ReadAsync());
        Check();

        using var cancel = new CancellationTokenSource();
        var cancelled = reader.ReadAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cancelled);
        Check();
    }

    private async Task WriterAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, options: One);
        var writer = sink.Writer;

        await writer.WriteAsync(1);
        Check();
        int put = 1;
        while (writer.TryWrite(put)) put++;
        var waiting = writer.WriteAsync(put);
        await source.Reader.ReadAsync();
        Check();
        await waiting;
        Check();

        while (writer.TryWrite(put)) put++;
        var room = writer.WaitToWriteAsync();
        await source.Reader.ReadAsync();
        Check();
        while (source.Reader.TryRead(out _))
        {
        }

        Assert.True(await room);
        Check();
        writer.Complete();
        await Assert.ThrowsAnyAsync<InvalidOperationException>(async () => await writer.WriteAsync(1));
        Check();
    }

    private async Task DetachAsync(string stream)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await using (var source = await GrainFactory.GetSourceAsync<int>(stream, "c"))
        {
            await sink.PutAsync(1);
            Check();
            await source.Reader.ReadAsync();
            Check();
            await source.DetachAsync();
            Check();
            await source.DetachAsync();
            Check();
        }

        Check();
        await using var next = await GrainFactory.GetSourceAsync<int>(stream, "c");
        Check();
        await sink.PutAsync(2);
        Check();
        Assert.Equal(2, await next.Reader.ReadAsync());
        Check();
    }

    private async Task DisposeAsync(string stream)
    {
        var sink = await GrainFactory.GetSinkAsync<int>(stream);
        var source = await GrainFactory.GetSourceAsync<int>(stream);
        await sink.PutAsync(1);
        await source.Reader.ReadAsync();
        await source.DisposeAsync();
        Check();
        await source.DisposeAsync();
        Check();
        await sink.DisposeAsync();
        Check();
        await sink.DisposeAsync();
        Check();
    }

    private async Task ErrorsAsync(string stream)
    {
        await using var source = await GrainFactory.GetSourceAsync<int>(stream, "one");
        await Assert.ThrowsAsync<StreamOccupiedException>(() => GrainFactory.GetSourceAsync<int>(stream, "two"));
        Check();
        await Assert.ThrowsAsync<ArgumentException>(() => GrainFactory.GetSinkAsync<int>(stream, new() { BufferSize = 2 }));
        Check();
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await source.DisposeAsync();
        Check();
        await Assert.ThrowsAsync<StreamClosedException>(async () =>
        {
            while (true) await sink.PutAsync(1);
        });
        Check();
        Assert.False(await sink.WaitToPutAsync());
        Check();
    }

    private void Check([CallerMemberName] string member = "", [CallerLineNumber] int line = 0)
    {
        _awaits++;
        if (TaskScheduler.Current != _turn) _strays.Add($"{member}, line {line}");
    }
}
