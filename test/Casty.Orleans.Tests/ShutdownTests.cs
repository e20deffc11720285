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
        await using var reader = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/sink").Soon();

        var namedSource = await bed[holder].GetSourceAsync<int>($"{name}/named", "c").Soon();
        var anonymousSource = await bed[holder].GetSourceAsync<int>($"{name}/anonymous").Soon();
        var sink = await bed[holder].GetSinkAsync<int>($"{name}/sink").Soon();
        Assert.Equal(1, await namedSource.Reader.ReadAsync().Soon());
        Assert.Equal(1, await anonymousSource.Reader.ReadAsync().Soon());
        await sink.PutAllAsync([1, 2, 3]).Soon();
        var waiting = namedSource.Reader.ReadAsync().AsTask();
        Assert.Equal(2, await waiting.Soon());

        if (holder == Place.Client) await bed.Orleans.StopClusterClientAsync().Soon();
        else await bed.Orleans.StopSiloAsync(bed.Orleans.Silos[1]).Soon();

        var read = new List<int>();
        await Assert.ThrowsAsync<StreamAbandonedException>(async () =>
        {
            await foreach (int element in reader) read.Add(element);
        }).Soon();
        Assert.Equal([1, 2, 3], read);
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => anonymous.Completion).Soon()).Reason);

        Assert.False(named.Completion.IsCompleted);
        await named.CompleteAsync().Soon();
        await using var next = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/named", "c").Soon();
        Assert.Equal([3, 4], await next.ToListAsync().Soon());

        // Where the host went away, what it held says so.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => anonymousSource.Completion).Soon();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => namedSource.Completion).Soon();

        async Task<SinkRef<int>> OpenAsync(string stream)
        {
            var opened = await bed[Place.SiloA].GetSinkAsync<int>(stream).Soon();
            await opened.PutAllAsync([1, 2, 3, 4]).Soon();
            return opened;
        }
    }
}
