using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// The host that holds only a ref shuts down: a named source is detached, an anonymous one cancelled, a sink abandoned. At once:
/// the clock of the leases stands still.
/// </summary>
public sealed class ShutdownTests
{
    private static readonly TimeSpan Lease = new CastyStreamsOptions().LeaseDuration;

    /// <summary>Which host stops, and whether hosts have called AddCastyStreams.</summary>
    public static TheoryData<Place, bool> Hosts() => new() { { Place.Client, true }, { Place.Client, false }, { Place.SiloB, true }, { Place.SiloB, false } };

    [Theory, MemberData(nameof(Hosts))]
    public async Task HostStops_ItsRefsLetGo(Place holder, bool isRegistered)
    {
        await using var bed = await StartAsync(isRegistered);
        string name = Cluster.Name();

        // Everything begins on silo A, which lives on.
        await using var named = await OpenAsync($"{name}/named");
        await using var anonymous = await OpenAsync($"{name}/anonymous");
        await using var reader = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/sink").Soon();

        var namedSource = await bed[holder].GetSourceAsync<int>($"{name}/named", "c").Soon();
        var anonymousSource = await bed[holder].GetSourceAsync<int>($"{name}/anonymous").Soon();
        var sink = await bed[holder].GetSinkAsync<int>($"{name}/sink").Soon();
        Assert.Equal(1, await namedSource.Reader.ReadAsync().Soon());
        Assert.Equal(1, await anonymousSource.Reader.ReadAsync().Soon());
        await sink.PutAllAsync([1, 2, 3]).Soon();
        var waiting = namedSource.Reader.ReadAsync().AsTask();
        Assert.Equal(2, await waiting.Soon());

        await StopAsync(bed, holder);

        Assert.Equal([1, 2, 3], await reader.DrainUntilAbandonedAsync());
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => anonymous.Completion).Soon()).Reason);

        Assert.False(named.Completion.IsCompleted);
        await named.CompleteAsync().Soon();
        await using var next = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/named", "c").Soon();
        Assert.Equal([3, 4], await next.ToListAsync().Soon());

        // Where the host went away, what it held says so.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => anonymousSource.Completion).Soon();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => namedSource.Completion).Soon();
        await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.CompleteAsync()).Soon();

        async Task<SinkRef<int>> OpenAsync(string stream)
        {
            var opened = await bed[Place.SiloA].GetSinkAsync<int>(stream).Soon();
            await opened.PutAllAsync([1, 2, 3, 4]).Soon();
            return opened;
        }
    }

    [Theory, MemberData(nameof(Hosts))]
    public async Task HostStops_ItsServicesMayStillComplete(Place holder, bool isRegistered)
    {
        await using var bed = await StartAsync(isRegistered);
        string name = Cluster.Name();
        await using var source = await bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
        var sink = await bed[holder].GetSinkAsync<int>(name).Soon();
        await sink.PutAsync(1).Soon();
        var service = Service(bed, holder);
        service.Stop = async () =>
        {
            await sink.PutAsync(2);
            await sink.CompleteAsync();
        };

        await StopAsync(bed, holder);
        await service.Stopped.Soon();
        Assert.Equal([1, 2], await source.DrainAsync());
        await source.Completion.Soon();
    }

    /// <summary>What a grain does about its sink when its silo stops, and whether hosts have called AddCastyStreams.</summary>
    public static TheoryData<Parting, bool> Partings() => new()
    {
        { Parting.Complete, true }, { Parting.Complete, false }, { Parting.Dispose, true }, { Parting.Forget, true },
    };

    [Theory, MemberData(nameof(Partings))]
    public async Task SiloStops_ItsGrainsPutUntilTheyAreDeactivated_AndPart(Parting parting, bool isRegistered)
    {
        await using var bed = await StartAsync(isRegistered);
        string name = Cluster.Name();
        await using var source = await bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
        var holder = bed[Place.SiloB].GetGrain<IHolderGrain>(name);
        await holder.HoldSinkAsync(name, parting).Soon();
        var service = Service(bed, Place.SiloB);
        service.Stop = () => holder.PutAsync(3);

        await StopAsync(bed, Place.SiloB);
        await service.Stopped.Soon();
        Assert.False(await HolderGrain.Left(name).Task.Soon());
        if (parting == Parting.Complete) Assert.Equal([1, 2, 3], await source.DrainAsync());
        else Assert.Equal([1, 2, 3], await source.DrainUntilAbandonedAsync());
    }

    /// <summary>Without AddCastyStreams nobody waits until what an end says last is out.</summary>
    [Fact]
    public async Task SiloStops_AndWhatAForgottenSinkSaysLastIsLost_ItsLeaseTells()
    {
        await using var bed = await StartAsync(isRegistered: false);
        string name = Cluster.Name();
        await using var source = await bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
        await bed[Place.SiloB].GetGrain<IHolderGrain>(name).HoldSinkAsync(name, Parting.Forget).Soon();
        var loop = source.GetAsyncEnumerator();
        Assert.Equal([1, 2], await loop.NextAsync(2));
        await bed.SettleAsync();
        bed.Wire.Gate = static call => call.Grain is IStreamElementObserver<int> ? Task.FromException(new TimeoutException("It is lost.")) : null;

        await StopAsync(bed, Place.SiloB);
        Assert.False(await HolderGrain.Left(name).Task.Soon());
        var next = loop.MoveNextAsync().AsTask();
        Assert.False(next.IsCompleted);
        await Waiting.UntilAsync(() => next.IsCompleted, meanwhile: PassAsync);
        var error = await Assert.ThrowsAsync<StreamAbandonedException>(() => next);
        Assert.True(error.Message.Contains("A writer was not heard of", StringComparison.Ordinal), error.Message);

        // Not so fast that the reader's own lease would run out.
        async Task PassAsync()
        {
            bed.Time!.Advance(Lease / 12);
            for (int i = 0; i < 3; i++) await bed[Place.SiloA].GetGrain<IPingGrain>(name).PingAsync().Soon();
        }
    }

    [Fact]
    public async Task SiloStops_BeforeAnEndHeardThatItsGrainIsDeactivated()
    {
        await using var bed = await StartAsync(isRegistered: true);
        string name = Cluster.Name();
        await using var source = await bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
        var sink = await bed[Place.SiloB].GetSinkAsync<int>(name).Soon();
        sink.End!.Untie = bed.Host(Place.SiloB).TieTo(NeverHeardOf.Create(), sink.End);
        await sink.PutAllAsync([1, 2, 3]).Soon();

        await StopAsync(bed, Place.SiloB);
        Assert.Equal([1, 2, 3], await source.DrainUntilAbandonedAsync());
    }

    private static async Task<ClusterBed> StartAsync(bool isRegistered)
    {
        var bed = new ClusterBed
        {
            Time = new ManualTime(),
            IsRegistered = isRegistered,
            Silos = silo => silo.Services.AddHostedService<Late>(),
            Client = client => client.Services.AddHostedService<Late>(),
        };
        await bed.DeployAsync();
        return bed;
    }

    private static Late Service(ClusterBed bed, Place place) => bed.Services(place).GetServices<IHostedService>().OfType<Late>().Single();

    private static Task StopAsync(ClusterBed bed, Place place) =>
        place == Place.Client ? bed.Orleans.StopClusterClientAsync().Soon() : bed.LoseAsync(bed.Orleans.Silos[1], isKilled: false);

    /// <summary>A grain's context of which nobody hears that it is deactivated.</summary>
    public class NeverHeardOf : DispatchProxy
    {
        public static IGrainContext Create() => Create<IGrainContext, NeverHeardOf>();

        protected override object? Invoke(MethodInfo? method, object?[]? arguments) =>
            method!.Name == $"get_{nameof(IGrainContext.Deactivated)}" ? new TaskCompletionSource().Task : throw new NotSupportedException(method.Name);
    }

    /// <summary>A service that was registered after Orleans, and so stops before it.</summary>
    private sealed class Late : IHostedService
    {
        private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Func<Task> Stop { get; set; } = static () => Task.CompletedTask;

        /// <summary>Ends as what it did when it was stopped.</summary>
        public Task Stopped => _stopped.Task;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public async Task StopAsync(CancellationToken cancellationToken)
        {
            try
            {
                await Stop();
                _stopped.SetResult();
            }
            catch (Exception exception)
            {
                _stopped.SetException(exception);
            }
        }
    }
}
