using Orleans.TestingHost;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// The host that holds only a ref shuts down: a named source is detached, an anonymous one cancelled, a sink abandoned. At once:
/// the clock of the leases stands still.
/// </summary>
public sealed class ShutdownTests
{
    [Theory]
    [InlineData(Place.Client)]
    [InlineData(Place.SiloB)]
    public async Task HostStops_ItsRefsLetGo(Place holder)
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime());
        string name = Cluster.Name();

        // Everything begins on silo A, which lives on.
        await using var named = await OpenAsync($"{name}/named");
        await using var anonymous = await OpenAsync($"{name}/anonymous");
        await using var reader = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/sink").WithTimeout();

        var namedSource = await bed[holder].GetSourceAsync<int>($"{name}/named", "c").WithTimeout();
        var anonymousSource = await bed[holder].GetSourceAsync<int>($"{name}/anonymous").WithTimeout();
        var sink = await bed[holder].GetSinkAsync<int>($"{name}/sink").WithTimeout();
        Assert.Equal(1, await namedSource.Reader.ReadAsync().WithTimeout());
        Assert.Equal(1, await anonymousSource.Reader.ReadAsync().WithTimeout());
        await sink.PutAllAsync([1, 2, 3]).WithTimeout();
        var waiting = namedSource.Reader.ReadAsync().AsTask();
        Assert.Equal(2, await waiting.WithTimeout());

        if (holder == Place.Client) await bed.Orleans.StopClusterClientAsync().WithTimeout();
        else await bed.Orleans.StopSiloAsync(bed.Orleans.Silos[1]).WithTimeout();

        var read = new List<int>();
        await Assert.ThrowsAsync<StreamAbandonedException>(async () =>
        {
            await foreach (int element in reader) read.Add(element);
        }).WithTimeout();
        Assert.Equal([1, 2, 3], read);
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => anonymous.Completion).WithTimeout()).Reason);

        Assert.False(named.Completion.IsCompleted);
        await named.CompleteAsync().WithTimeout();
        await using var next = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/named", "c").WithTimeout();
        Assert.Equal([3, 4], await next.ToListAsync().WithTimeout());

        // Where the host went away, what it held says so.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => anonymousSource.Completion).WithTimeout();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => namedSource.Completion).WithTimeout();

        async Task<SinkRef<int>> OpenAsync(string stream)
        {
            var opened = await bed[Place.SiloA].GetSinkAsync<int>(stream).WithTimeout();
            await opened.PutAllAsync([1, 2, 3, 4]).WithTimeout();
            return opened;
        }
    }
}
