using Orleans;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A silo is lost that has the grain that handles, what reads for it, or the stream's producer: its elements come at least once.</summary>
public sealed class HandlerLossTests : IAsyncLifetime
{
    private const int Window = 16;
    private const int Count = 3_000;

    // In real time: what is lost is a silo.
    private readonly ClusterBed _bed = new()
    {
        SiloCount = 3,
        Lease = TimeSpan.FromSeconds(10),
    };

    private readonly string _key = $"{Guid.NewGuid():N}";

    private Handled Handled => Handled.By(_key);

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    /// <summary>What is on the third silo: the grain that handles alone, all but the writer, or all but the grain.</summary>
    [Theory]
    [InlineData("grain", true)]
    [InlineData("grain", false)]
    [InlineData("grain and reader", true)]
    [InlineData("grain and reader", false)]
    [InlineData("all", true)]
    [InlineData("all", false)]
    [InlineData("producer and reader", true)]
    [InlineData("producer and reader", false)]
    public async Task SiloLost_GoesOn_WithAtMostAWindowAgain(string lost, bool isKilled)
    {
        Handled.Options = new() { Consumer = new() { MaxDemand = Window } };
        string stream = lost == "producer and reader" ? $"single/{_key}" : _key;
        int producer = lost is "all" or "producer and reader" ? 2 : 0;
        await using var starter = await _bed.Factory(producer).GetSinkAsync<int>(stream, new() { BufferSize = 64 }).Soon();
        await using var sink = await _bed[Place.Client].GetSinkAsync<int>(stream).Soon();
        await starter.CompleteAsync().Soon();
        switch (lost)
        {
            case "grain":
                await _bed.Factory(2).GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName).PingAsync().Soon();
                await _bed.Factory(1).GetGrain<IStreamHandlingGrain<int>>(Subscription(stream)).BeginAsync(default).Soon();
                break;

            case "producer and reader":
                await _bed.Factory(1).GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName).PingAsync().Soon();
                break;

            default:
                await _bed.Factory(2).GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName).ConsumeAsync(stream).Soon();
                break;
        }

        var writing = Task.Run(() => sink.WriteAsync(Enumerable.Range(0, Count)));
        await Handled.UntilSeenAsync(500);
        await _bed.LoseAsync(_bed.Orleans.Silos[2], isKilled);

        await Handled.Completed.WaitAsync(TimeSpan.FromSeconds(60));
        await writing.Soon();
        var seen = Handled.Seen;
        Assert.Equal(Enumerable.Range(0, Count), seen.Distinct());
        if (!isKilled)
        {
            Assert.Equal(Count, seen.Length);
            return;
        }

        // What comes again is in order too, from where it begins.
        var steps = seen.Zip(seen.Skip(1), (one, next) => next - one).Where(step => step != 1).ToArray();
        Assert.InRange(steps.Length, 0, 1);
        Assert.All(steps, step => Assert.InRange(step, -Window - 1, 0));
    }

    /// <summary>A balanced stream keeps no place for a consumer that is away, but knows which grain handles it.</summary>
    [Theory]
    [InlineData("grain and reader", true)]
    [InlineData("grain and reader", false)]
    [InlineData("all", true)]
    [InlineData("all", false)]
    public async Task Balanced_SiloLost_TheGrainIsBroughtBack(string lost, bool isKilled)
    {
        await using var starter = await _bed.Factory(lost == "all" ? 2 : 0).GetSinkAsync<int>(_key, new() { BufferSize = 64, Delivery = StreamDelivery.Balanced }).Soon();
        await using var sink = await _bed[Place.Client].GetSinkAsync<int>(_key).Soon();
        await starter.CompleteAsync().Soon();
        await _bed.Factory(2).GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName).ConsumeAsync(_key).Soon();
        var writing = Task.Run(() => sink.WriteAsync(Enumerable.Range(0, Count)));
        await Handled.UntilSeenAsync(500);
        await _bed.LoseAsync(_bed.Orleans.Silos[2], isKilled);

        await Handled.Completed.WaitAsync(TimeSpan.FromSeconds(60));
        await writing.Soon();
        Assert.Equal(Enumerable.Range(0, Count), (isKilled ? Handled.Seen.Distinct() : Handled.Seen).Order());
        await sink.Completion.Soon();
    }

    private string Subscription(string stream) =>
        StreamNames.ConsumerKey(stream, StreamNames.Handler(_bed.Factory(0).GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName).GetGrainId()));
}
