using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Handlers in clusters of their own: whose calls are lost, that another is beside, or whose silos are set up otherwise.</summary>
public sealed class HandlerBedTests
{
    private readonly string _key = $"{Guid.NewGuid():N}";

    private Handled Handled => Handled.By(_key);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LostCalls_AndLostAnswers_HandleNothingTwice(bool isAnswerLost)
    {
        await using var bed = await ClusterBed.StartAsync();
        await Grain(bed, Place.SiloA).PingAsync().Soon();
        await bed[Place.SiloB].GetGrain<IStreamHandlingGrain<int>>(Subscription(bed)).BeginAsync(default).Soon();
        await using var sink = await bed[Place.Client].GetSinkAsync<int>(_key).Soon();
        int calls = 0;
        Func<IOutgoingGrainCallContext, Task?> lose = context => context.InterfaceMethod.Name == nameof(IStreamHandlerExtension.HandleAsync) && Interlocked.Increment(ref calls) % 3 == 1
            ? Task.FromException(new TimeoutException("Lost."))
            : null;
        if (isAnswerLost) bed.Wire.AnswerGate = lose;
        else bed.Wire.Gate = lose;
        await sink.WriteAsync([1, 2, 3, 4, 5]);
        await Handled.Completed.Soon();
        Assert.Equal([1, 2, 3, 4, 5], Handled.Tried);
        Assert.InRange(calls, 7, 20);
    }

    [Fact]
    public async Task AskedTwice_WhileAHandlerRuns_ItRunsOnce()
    {
        await using var bed = await ClusterBed.StartAsync();
        var gate = new TaskCompletionSource();
        Handled.Handle = (_, _) => gate.Task;
        var grain = bed[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(ReentrantHandlerGrain).FullName);
        var handler = bed[Place.Client].GetGrain<IStreamHandlerExtension>(grain.GetGrainId());
        var handOut = new StreamHandOut<int> { Reader = Guid.NewGuid(), Number = 1, Stream = _key, Elements = [1], Timeout = Timeout.InfiniteTimeSpan };
        var first = handler.HandleAsync(handOut, default);
        await Waiting.UntilAsync(() => Handled.Tried.Length == 1);
        var second = handler.HandleAsync(handOut, default);
        await grain.PingAsync().Soon();

        gate.SetResult();
        Assert.Null((await first.Soon()).Failure);
        Assert.Null((await second.Soon()).Failure);
        Assert.Equal([1], Handled.Tried);
    }

    [Fact]
    public async Task TwoClustersInOneProcess_DoNotMeet()
    {
        await using var one = await ClusterBed.StartAsync();
        await using var other = await ClusterBed.StartAsync();
        await Grain(one, Place.SiloA).ConsumeAsync(_key).Soon();
        await using var sink = await other[Place.SiloA].GetSinkAsync<int>(_key).Soon();
        await using var source = await other[Place.SiloB].GetSourceAsync<int>(_key, "reader").Soon();
        await sink.WriteAsync([1, 2]);
        Assert.Equal([1, 2], await source.DrainAsync());

        await using var own = await one[Place.SiloB].GetSinkAsync<int>(_key).Soon();
        await own.WriteAsync([3]);
        await Handled.Completed.Soon();
        Assert.Equal([3], Handled.Seen);
    }

    [Fact]
    public async Task OptionsOfTheSilo_HoldWhereTheHandlerNamesNone()
    {
        await using var bed = new ClusterBed
        {
            Silos = silo => silo.AddCastyStreams(options => options.Handler = new() { BatchSize = 3, Retries = 0, OnFailure = StreamHandlerFailure.Skip }),
        };
        await bed.DeployAsync();
        Handled.Options = new() { Retries = 1, RetryDelay = TimeSpan.Zero };
        var grain = bed[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(BatchGrain).FullName);
        var traits = await bed[Place.Client].GetGrain<IStreamHandlerExtension>(grain.GetGrainId()).DescribeAsync<int>(_key).Soon();
        Assert.Equal((3, 1, TimeSpan.Zero, StreamHandlerFailure.Skip, Timeout.InfiniteTimeSpan), (traits.BatchSize, traits.Retries, traits.RetryDelay, traits.OnFailure, traits.Timeout));
        Assert.Equal(1, (await bed[Place.Client].GetGrain<IStreamHandlerExtension>(Grain(bed, Place.SiloA).GetGrainId()).DescribeAsync<int>(_key).Soon()).BatchSize);
    }

    [Fact]
    public async Task SiloWithoutAddCastyStreams_SaysWhatIsMissing()
    {
        var builder = new TestClusterBuilder(1);
        await using var cluster = builder.Build();
        await cluster.DeployAsync();
        var grain = cluster.Client.GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => grain.ConsumeAsync(_key)).Soon();
        Assert.Contains("AddCastyStreams", error.Message, StringComparison.Ordinal);

        // By the attribute, nobody has asked yet; the writer is told.
        await using var sink = await cluster.Client.GetSinkAsync<int>($"single/{_key}").Soon();
        await sink.PutAsync(1).Soon();
        await Assert.ThrowsAsync<GrainExtensionNotInstalledException>(() => sink.Completion).Soon();
        var closed = await Assert.ThrowsAsync<StreamClosedException>(() => sink.PutAsync(2).AsTask()).Soon();
        Assert.Contains("AddCastyStreams", closed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RequestContextOfWhoRegisters_DoesNotTravelWithTheElements()
    {
        await using var bed = await ClusterBed.StartAsync();
        object? seen = "nothing";
        Handled.Handle = (_, _) =>
        {
            seen = RequestContext.Get("caller");
            return Task.CompletedTask;
        };
        RequestContext.Set("caller", "me");
        await Grain(bed, Place.SiloA).ConsumeAsync(_key).Soon();
        await using var sink = await bed[Place.Client].GetSinkAsync<int>(_key).Soon();
        RequestContext.Clear();
        await sink.PutAsync(1).Soon();
        await Handled.UntilSeenAsync(1);
        Assert.Null(seen);
    }

    public static TheoryData<StreamHandlerOptions, string> BadOptions() => new()
    {
        { new() { BatchSize = 0 }, "BatchSize" },
        { new() { BatchSize = 10_001 }, "BatchSize" },
        { new() { Retries = -1 }, "Retries" },
        { new() { RetryDelay = TimeSpan.FromTicks(-1) }, "RetryDelay" },
        { new() { RetryDelay = TimeSpan.FromDays(2) }, "RetryDelay" },
        { new() { OnFailure = (StreamHandlerFailure)9 }, "OnFailure" },
        { new() { HandlerTimeout = TimeSpan.Zero }, "HandlerTimeout" },
        { new() { Consumer = new() { InitialDemand = 0 } }, "InitialDemand" },
        { new() { Consumer = new() { OnLeave = StreamLeave.Cancel } }, "OnLeave" },
        { new() { Consumer = new() { InactivityTimeout = TimeSpan.FromSeconds(1) } }, "InactivityTimeout" },
    };

    [Theory, MemberData(nameof(BadOptions))]
    public void BadOption_IsNamed(StreamHandlerOptions options, string option)
    {
        Assert.Contains(option, Assert.ThrowsAny<ArgumentException>(() => options.Validate("handler")).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<ArgumentException>(() => new CastyStreamsOptions { Handler = options }.Validate("streams"));
    }

    private IHandlerGrain Grain(ClusterBed bed, Place caller) => bed[caller].GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName);

    private string Subscription(ClusterBed bed) => StreamNames.ConsumerKey(_key, StreamNames.Handler(Grain(bed, Place.SiloA).GetGrainId()));
}
