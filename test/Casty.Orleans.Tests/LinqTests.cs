using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A source is an <see cref="IAsyncEnumerable{T}"/> like any other: LINQ's operators work on it, and leave it when they have enough.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class LinqTests(ClockedCluster cluster)
{
    public static TheoryData<string> Queries() => [.. Results.Keys];

    /// <summary>Queries that read to the end, over 0 to 9.</summary>
    private static readonly Dictionary<string, (Func<IAsyncEnumerable<int>, ValueTask<string>> Actual, string Expected)> Results = new()
    {
        ["ToList"] = (s => Show(s), "0 1 2 3 4 5 6 7 8 9"),
        ["Where"] = (s => Show(s.Where(i => i % 3 == 0)), "0 3 6 9"),
        ["Select"] = (s => Show(s.Select(async (int i, CancellationToken token) =>
        {
            await Task.Yield();
            return i * i;
        })), "0 1 4 9 16 25 36 49 64 81"),
        ["SelectMany"] = (s => Show(s.Where(i => i < 3).SelectMany(i => Enumerable.Repeat(i, i))), "1 2 2"),
        ["Skip"] = (s => Show(s.Skip(7)), "7 8 9"),
        ["Chunk"] = (s => Show(s.Chunk(4).Select(chunk => string.Join("+", chunk))), "0+1+2+3 4+5+6+7 8+9"),
        ["Zip"] = (s => Show(s.Zip(Enumerable.Range(10, 10).ToAsyncEnumerable()).Select(pair => pair.First + pair.Second)), "10 12 14 16 18 20 22 24 26 28"),
        ["Concat"] = (s => Show(s.Concat(new[] { 10 }.ToAsyncEnumerable())), "0 1 2 3 4 5 6 7 8 9 10"),
        ["GroupBy"] = (s => Show(s.GroupBy(i => i % 2).Select(group => $"{group.Key}:{group.Count()}")), "0:5 1:5"),
        ["OrderDescending"] = (s => Show(s.OrderDescending().Take(2)), "9 8"),
        ["Aggregate"] = (async s => $"{await s.AggregateAsync(0, (sum, i) => sum + i)}", "45"),
        ["Count"] = (async s => $"{await s.CountAsync()}", "10"),
        ["Last"] = (async s => $"{await s.LastAsync()}", "9"),
        ["ToDictionary"] = (async s => $"{(await s.ToDictionaryAsync(i => i)).Count}", "10"),
    };

    [Theory, MemberData(nameof(Queries))]
    public async Task AQuery_ReadsToTheEnd(string query)
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>(new() { BufferSize = 2 }, new() { InitialDemand = 2 });
        var writing = stream.Sink.WriteAsync(Enumerable.Range(0, 10));
        Assert.Equal(Results[query].Expected, await Results[query].Actual(stream.Source).Soon());
        await writing;
        await stream.Sink.Completion.Soon();   // whatever the query made of it, each element was finished
    }

    public static TheoryData<string> EarlyQueries() => [.. Early.Keys];

    private static readonly Dictionary<string, Func<IAsyncEnumerable<int>, ValueTask<string>>> Early = new()
    {
        ["Take"] = s => Show(s.Take(3)),
        ["TakeWhile"] = s => Show(s.TakeWhile(i => i < 3)),
        ["First"] = async s => $"{await s.FirstAsync()}",
        ["Any"] = async s => $"{await s.AnyAsync(i => i == 2)}",
        ["Chunk"] = s => Show(s.Chunk(2).Take(1).Select(chunk => chunk.Length)),
        ["Zip"] = s => Show(s.Zip(Enumerable.Range(0, 3).ToAsyncEnumerable()).Select(pair => pair.First)),
    };

    [Theory, MemberData(nameof(EarlyQueries))]
    public async Task AQueryThatHasEnough_CancelsTheStream(string query)
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>(new() { BufferSize = 2 }, new() { InitialDemand = 2 });
        var putting = stream.Sink.PutAllAsync(Enumerable.Range(0, int.MaxValue));
        await Early[query](stream.Source).Soon();
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => putting.Soon())).Reason);
        Assert.True(stream.Source.Completion.IsCanceled);
    }

    [Theory, NearAndFar]
    public async Task ATokenThroughAQuery_CancelsTheStream(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        using var cancellation = new CancellationTokenSource();
        await stream.Sink.PutAsync(1).Soon();
        var reading = Task.Run(async () =>
        {
            await foreach (int element in stream.Source.Where(i => i > 0).Select(i => i).WithCancellation(cancellation.Token)) await cancellation.CancelAsync();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.Soon());
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon())).Reason);
    }

    [Theory, NearAndFar]
    public async Task ATokenOfAnAggregate_CancelsTheStream_WhileNothingFlows(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        using var cancellation = new CancellationTokenSource();
        var reading = stream.Source.ToListAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.Soon());
        await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
    }

    [Theory, NearAndFar]
    public async Task AFailureBehindAQuery_KeepsItsType(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.FailAsync(new SensorException("overheated", 451)).Soon();
        Assert.Equal(451, (await Assert.ThrowsAsync<SensorException>(() => stream.Source.Select(i => i).ToListAsync().Soon())).Degrees);
    }

    [Fact]
    public async Task AQueryOverAReadSource_IsRefused()
    {
        var (sink, source) = StreamPipe.Create<int>();
        await sink.PutAllAsync([1, 2]).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal(2, await source.CountAsync().Soon());
        await Assert.ThrowsAsync<InvalidOperationException>(() => source.CountAsync().Soon());
    }

    private static async ValueTask<string> Show<T>(IAsyncEnumerable<T> elements) => string.Join(" ", await elements.ToListAsync());
}
