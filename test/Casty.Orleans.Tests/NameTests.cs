using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Whatever characters names contain, they never mean each other's streams.</summary>
[Collection(nameof(Cluster))]
public sealed class NameTests(Cluster cluster)
{
    /// <summary>Pairs of a stream's and a consumer's name that read alike when they are joined carelessly.</summary>
    private static readonly (string Producer, string Consumer)[] Pairs =
    [
        ("a", "bc"), ("ab", "c"), ("a:", "bc"), ("a", ":bc"), ("a:b", "c"), ("a", "b:c"), ("1:a", "b"), ("1", ":ab"), ("1", "1:ab"), ("11", ":ab"),
        ("2:ab", "c"), ("2:", "abc"), ("a/b", "c"), ("a", "/b/c"), ("a+", "b"), ("a", "+b"), ("a#b", "c"), ("a", "#b#c"), ("ä", "ö"), ("äö", "ü"),
        ("价", "格"), ("价格", "流"), ("🚲", "🚲"), ("🚲🚲", "x"), (" ", "  "), ("  ", " "), ("a\0", "b"), ("a", "\0b"), ("~a", "b"), ("%41", "A"), ("A", "%41"),
        ("a b", "c"), ("a", "b c"), ("a\n", "b"), ("A", "BC"), ("AB", "C"),
    ];

    [Fact]
    public void Keys_OfSubscriptions_NeverCollide()
    {
        var keys = Pairs.Select(pair => StreamNames.ConsumerKey(pair.Producer, pair.Consumer)).ToArray();
        Assert.Equal(keys.Length, keys.Distinct().Count());
    }

    [Fact]
    public void Keys_OfAnyTwoPairs_DoNotCollide()
    {
        // All pairs of short names over the characters that matter.
        string[] names = [.. Words(["1", ":", "a"], 3)];
        var keys = new HashSet<string>();
        foreach (string producer in names)
        {
            foreach (string consumer in names) Assert.True(keys.Add(StreamNames.ConsumerKey(producer, consumer)));
        }

        static IEnumerable<string> Words(string[] letters, int length) => length == 1
            ? letters
            : letters.Concat(Words(letters, length - 1).SelectMany(word => letters, (word, letter) => word + letter)).Distinct();
    }

    [Fact]
    public async Task Streams_OfSuchNames_DoNotMeet()
    {
        string test = Cluster.Name();
        var refs = new List<(SinkRef<int> Sink, SourceRef<int> Source)>();
        var producers = Pairs.Select(pair => pair.Producer).Distinct().ToArray();
        foreach (string producer in producers)
        {
            // The first letters are the test's, so that it does not meet other tests either; what matters stands behind them.
            string name = test + producer;
            string consumer = Pairs.First(pair => pair.Producer == producer).Consumer;
            var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name).Soon();
            var source = await cluster[Place.Client].GetSourceAsync<int>(name, consumer).Soon();
            Assert.Equal(name, source.Producer);
            Assert.Equal(consumer, source.Consumer);
            refs.Add((sink, source));
        }

        for (int i = 0; i < refs.Count; i++)
        {
            await refs[i].Sink.PutAsync(i).Soon();
            await refs[i].Sink.CompleteAsync().Soon();
        }

        for (int i = 0; i < refs.Count; i++) Assert.Equal([i], await refs[i].Source.ToListAsync().Soon());
        foreach (var (sink, _) in refs) await sink.DisposeAsync().Soon();
    }

    [Fact]
    public async Task Streams_OfOneNameAndTwoTypes_DoNotMeet()
    {
        string name = Cluster.Name();
        await using var numbers = await cluster[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var words = await cluster[Place.SiloB].GetSinkAsync<string>(name).Soon();
        await using var readNumbers = await cluster[Place.Client].GetSourceAsync<int>(name, "c").Soon();
        await using var readWords = await cluster[Place.Client].GetSourceAsync<string>(name, "c").Soon();
        await numbers.PutAsync(1).Soon();
        await words.PutAsync("one").Soon();
        Assert.Equal("one", await readWords.Reader.ReadAsync().Soon());
        Assert.Equal(1, await readNumbers.Reader.ReadAsync().Soon());
    }

    /// <summary>Such a name is a handler's, and the producer would call the grain that it names.</summary>
    [Fact]
    public async Task AHandlersName_IsNoConsumers()
    {
        string consumer = StreamNames.Handler(cluster[Place.SiloA].GetGrain<IHolderGrain>("x").GetGrainId());
        var error = await Assert.ThrowsAsync<ArgumentException>("consumer", () => cluster[Place.Client].GetSourceAsync<int>(Cluster.Name(), consumer)).Soon();
        Assert.Contains("handles", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LongestNames_Work()
    {
        string name = Cluster.Name().PadRight(1_000, '流'), consumer = string.Concat(Enumerable.Repeat("🚲", 500));
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(name).Soon();
        await using var source = await cluster[Place.SiloB].GetSourceAsync<int>(name, consumer).Soon();
        await sink.PutAsync(1).Soon();
        Assert.Equal(1, await source.Reader.ReadAsync().Soon());
    }
}

/// <summary>Two clusters in one process use the same names.</summary>
public sealed class TwoClustersTests
{
    [Fact]
    public async Task TwoClusters_DoNotMeet()
    {
        await using var one = await ClusterBed.StartAsync();
        await using var other = await ClusterBed.StartAsync();
        const string Name = "the same";
        ClusterBed[] beds = [one, other];
        var refs = new List<(SinkRef<int> Sink, SourceRef<int> Source)>();
        foreach (var bed in beds)
        {
            refs.Add((await bed[Place.SiloA].GetSinkAsync<int>(Name, new() { BufferSize = refs.Count + 1 }).Soon(),
                await bed[Place.Client].GetSourceAsync<int>(Name, $"consumer {refs.Count}").Soon()));
        }

        Assert.Empty(one.Hosts.Intersect(other.Hosts));
        Assert.Equal(6, one.Hosts.Concat(other.Hosts).Distinct().Count());
        for (int i = 0; i < 2; i++) await refs[i].Sink.PutAllAsync([i, i]).Soon();

        // One ends, and the other does not notice.
        await refs[0].Sink.FailAsync(new FormatException()).Soon();
        await Assert.ThrowsAsync<FormatException>(() => refs[0].Source.CountAsync().Soon());
        await refs[1].Sink.CompleteAsync().Soon();
        Assert.Equal([1, 1], await refs[1].Source.ToListAsync().Soon());
        foreach (var (sink, source) in refs)
        {
            await source.DisposeAsync().Soon();
            await sink.DisposeAsync().Soon();
        }
    }
}
