using Casty.Orleans.Protocol;
using Orleans;
using Orleans.Concurrency;
using Orleans.Placement;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>Looks at what its silo holds, outside of every turn: no stream waits for it, nor does it for one.</summary>
[Reentrant]
[RandomPlacement]   // whoever asks for it hints at its silo
[GrainType("casty.silo")]
internal sealed class StreamSiloGrain(IServiceProvider services, ILocalSiloDetails silo) : Grain, IStreamSiloGrain
{
    private readonly StreamHost _host = StreamHost.For(services);

    public async Task<StreamInfo[]> ListAsync(StreamQuery query, Guid after, int most)
    {
        CheckHome();
        return await RunApart(() => Task.FromResult(List(query, after, most)));
    }

    public async Task<bool> EndAsync(Guid stream, string why)
    {
        CheckHome();
        return _host.FindRun(stream) is { } producer && await RunApart(() => producer.TerminateAsync(new StreamEnd(StreamEndReason.Terminated, why)));
    }

    /// <summary>Neither this grain's turn nor its caller's context has anything to do with a stream.</summary>
    private static Task<TResult> RunApart<TResult>(Func<Task<TResult>> run)
    {
        using (ExecutionContext.SuppressFlow()) return Task.Run(run);
    }

    /// <summary>One that was asked for when its silo was not there is elsewhere, and says so.</summary>
    private void CheckHome()
    {
        if (this.GetPrimaryKeyString() == silo.SiloAddress.ToParsableString()) return;
        DeactivateOnIdle();
        throw new SiloUnavailableException($"The grain of silo {this.GetPrimaryKeyString()} is on {silo.SiloAddress.ToParsableString()}, and goes.");
    }

    /// <summary>Ids are in the order of time: what begins meanwhile comes last, and nothing is skipped where something ends.</summary>
    private StreamInfo[] List(StreamQuery query, Guid after, int most)
    {
        var found = new List<StreamInfo>();
        foreach (var producer in _host.Producers.Where(one => Matches(one, query, after)).OrderBy(one => one.Stream.Id))
        {
            if (Describe(producer, query) is { } info) found.Add(info);
            if (found.Count == most) break;
        }

        return [.. found];
    }

    /// <summary>What can be said without looking into the stream.</summary>
    private static bool Matches(IObservedProducer producer, StreamQuery query, Guid after) => producer.Stream.Id.CompareTo(after) > 0
        && (query.NamePrefix is null || producer.Name.StartsWith(query.NamePrefix, StringComparison.Ordinal))
        && (query.ElementType is null || producer.ElementType == query.ElementType);

    private StreamInfo? Describe(IObservedProducer producer, StreamQuery query)
    {
        if (producer.Observe() is not { } facts) return null;
        if (query.StalledLongerThan is { } limit && !(facts.StalledFor > limit)) return null;
        return new StreamInfo
        {
            Id = producer.Stream.Id,
            Producer = producer.Name,
            ElementType = producer.ElementType,
            Silo = silo.SiloAddress,
            Incarnation = producer.Stream.Incarnation,
            Consumers = facts.Consumers,
            ConsumerCount = facts.ConsumerCount,
            IsRead = facts.IsRead,
            Writers = facts.Writers,
            BufferSize = facts.BufferSize,
            Buffered = facts.Buffered,
            Unfinished = facts.Unfinished,
            Demand = facts.Demand,
            StalledSince = facts.StalledFor is { } time ? _host.Clock.Provider.GetUtcNow() - time : null,
            IsRebuilding = facts.IsRebuilding,
        };
    }
}
