using Orleans;
using Orleans.Concurrency;
using Orleans.Placement;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A message with refs inside.</summary>
[GenerateSerializer]
public sealed record Parcel(
    [property: Id(0)] string Label, [property: Id(1)] SourceRef<int>? Source = null, [property: Id(2)] SinkRef<int>? Sink = null,
    [property: Id(3)] List<SourceRef<int>>? More = null);

/// <summary>A grain whose calls carry refs.</summary>
public interface IRefGrain : IGrainWithStringKey
{
    Task PingAsync();

    /// <summary>Server streaming.</summary>
    Task<SourceRef<int>> CountAsync(string stream, int count);

    /// <summary>Client streaming.</summary>
    Task<List<int>> CollectAsync(SourceRef<int> source);

    /// <summary>Both.</summary>
    Task<SourceRef<string>> TransformAsync(SourceRef<int> source, string stream);

    Task FillAsync(SinkRef<int> sink, int count);

    Task<List<int>> UnpackAsync(Parcel parcel);

    Task<List<int>> CollectImmutableAsync(Immutable<SourceRef<int>> source);

    Task<Parcel> PackAsync(string stream);

    /// <summary>Neither uses it.</summary>
    Task KeepAsync(SourceRef<int> source);

    Task KeepAsync(SinkRef<int> sink);

    /// <summary>Gives what it keeps to another grain, which keeps it.</summary>
    Task PassOnAsync(string to);

    Task<List<int>> ReadKeptAsync();

    [AlwaysInterleave]
    Task PutKeptAsync(params int[] elements);

    [AlwaysInterleave]
    Task PutOneKeptAsync(int element);

    Task<SourceRef<int>> OpenAsync(string stream, string? consumer);

    Task<SinkRef<int>> OpenSinkAsync(string stream);

    Task ThrowAsync(SourceRef<int> source);
}

[PreferLocalPlacement]
public sealed class RefGrain : Grain, IRefGrain
{
    private SourceRef<int>? _source;
    private SinkRef<int>? _sink;

    public Task PingAsync() => Task.CompletedTask;

    public async Task<SourceRef<int>> CountAsync(string stream, int count)
    {
        var sink = await GrainFactory.GetSinkAsync<int>(stream);
        var source = await GrainFactory.GetSourceAsync<int>(stream);
        _ = sink.WriteAsync(Enumerable.Range(0, count));
        return source;
    }

    public async Task<List<int>> CollectAsync(SourceRef<int> source)
    {
        var turn = TaskScheduler.Current;
        var collected = new List<int>();
        await foreach (int element in source)
        {
            Assert.Same(turn, TaskScheduler.Current);
            collected.Add(element);
        }

        Assert.Same(turn, TaskScheduler.Current);
        return collected;
    }

    public async Task<SourceRef<string>> TransformAsync(SourceRef<int> source, string stream)
    {
        var sink = await GrainFactory.GetSinkAsync<string>(stream);
        var result = await GrainFactory.GetSourceAsync<string>(stream);
        _ = RunAsync();
        return result;

        async Task RunAsync()
        {
            await using var _ = sink;
            await foreach (int element in source) await sink.PutAsync(new string('x', element));
            await sink.CompleteAsync();
        }
    }

    public async Task FillAsync(SinkRef<int> sink, int count)
    {
        var turn = TaskScheduler.Current;
        for (int i = 0; i < count; i++)
        {
            await sink.PutAsync(i);
            Assert.Same(turn, TaskScheduler.Current);
        }

        await sink.CompleteAsync();
        Assert.Same(turn, TaskScheduler.Current);
    }

    public async Task<List<int>> UnpackAsync(Parcel parcel)
    {
        var collected = new List<int>();
        if (parcel.Source is not null) collected.AddRange(await CollectAsync(parcel.Source));
        foreach (var source in parcel.More ?? []) collected.AddRange(await CollectAsync(source));
        if (parcel.Sink is not null) await FillAsync(parcel.Sink, 3);
        return collected;
    }

    public Task<List<int>> CollectImmutableAsync(Immutable<SourceRef<int>> source) => CollectAsync(source.Value);

    public async Task<Parcel> PackAsync(string stream) => new(stream,
        await CountAsync($"{stream}/source", 3), await GrainFactory.GetSinkAsync<int>($"{stream}/sink"),
        [await CountAsync($"{stream}/0", 1), await CountAsync($"{stream}/1", 2)]);

    public Task KeepAsync(SourceRef<int> source)
    {
        _source = source;
        return Task.CompletedTask;
    }

    public Task KeepAsync(SinkRef<int> sink)
    {
        _sink = sink;
        return Task.CompletedTask;
    }

    public async Task PassOnAsync(string to)
    {
        var other = GrainFactory.GetGrain<IRefGrain>(to);
        if (_source is not null) await other.KeepAsync(_source);
        if (_sink is not null) await other.KeepAsync(_sink);
        await using (_source) await using (_sink)
        {
            // Disposing what was passed on does nothing.
        }
    }

    public Task<List<int>> ReadKeptAsync() => CollectAsync(_source!);

    public async Task PutKeptAsync(params int[] elements)
    {
        await _sink!.PutAllAsync(elements);
        await _sink.CompleteAsync();
    }

    public async Task PutOneKeptAsync(int element) => await _sink!.PutAsync(element);

    public Task<SourceRef<int>> OpenAsync(string stream, string? consumer) => GrainFactory.GetSourceAsync<int>(stream, consumer);

    public Task<SinkRef<int>> OpenSinkAsync(string stream) => GrainFactory.GetSinkAsync<int>(stream);

    public Task ThrowAsync(SourceRef<int> source) => throw new InvalidDataException("No.");
}
