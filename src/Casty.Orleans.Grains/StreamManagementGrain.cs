using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Casty.Orleans;

/// <summary>Asks one silo after the other, and remembers nothing: where a page ended is in its token.</summary>
/// <param name="membership">The silos of the cluster.</param>
[StatelessWorker, Reentrant]
[GrainType("casty.management")]
public sealed class StreamManagementGrain(IClusterMembershipService membership) : Grain, IStreamManagementGrain
{
    /// <summary>How long a silo is waited for.</summary>
    internal const string Patience = "00:00:10";

    /// <summary>A silo's own grain may be elsewhere, from before the silo was there: then it goes, and is asked for again.</summary>
    private const int Attempts = 5;

    /// <summary>Whoever knew where it was needs a moment to know better.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private const int MaxWhyLength = 1000;

    /// <inheritdoc/>
    public async Task<StreamPage> ListAsync(StreamQuery? query = null)
    {
        query ??= new StreamQuery();
        var (first, after) = Parse(query.After);
        var streams = new List<StreamInfo>();
        var unanswered = new List<SiloAddress>();
        var silos = Silos.Where(one => first is null || one.CompareTo(first) >= 0).ToArray();
        for (int i = 0; i < silos.Length; i++)
        {
            var silo = silos[i];
            int left = query.PageSize - streams.Count;
            bool isInTime = true;
            try
            {
                streams.AddRange(await AtAsync(silo, one => one.ListAsync(query with { After = null }, silo.Equals(first) ? after : Guid.Empty, left)));
            }
            catch (Exception exception) when (exception is TimeoutException or OrleansException)
            {
                unanswered.Add(silo);   // it is about to go, or has gone
                isInTime = exception is not TimeoutException;
            }

            if (streams.Count == query.PageSize) return Page(next: Format(silo, streams[^1].Id));

            // The caller's own patience would not last for several of these: the next one is another page's.
            if (!isInTime && i + 1 < silos.Length) return Page(next: Format(silos[i + 1], Guid.Empty));
        }

        return Page(next: null);

        StreamPage Page(string? next) => new() { Streams = streams, Next = next, Unanswered = unanswered };
    }

    /// <inheritdoc/>
    public async Task<bool> EndAsync(Guid stream, string why)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(why);
        if (why.Length > MaxWhyLength) throw new ArgumentException($"What the ends of a stream are told has at most {MaxWhyLength} characters; this has {why.Length}.", nameof(why));

        var asking = Silos.Select(silo => AtAsync(silo, one => one.EndAsync(stream, why))).ToArray();
        await ((Task)Task.WhenAll(asking)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (asking.Any(one => one is { IsCompletedSuccessfully: true, Result: true })) return true;

        await Task.WhenAll(asking);   // who did not answer may have it
        return false;
    }

    private SiloAddress[] Silos => [.. membership.CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active).Select(member => member.SiloAddress).Order()];

    private async Task<TResult> AtAsync<TResult>(SiloAddress silo, Func<IStreamSiloGrain, Task<TResult>> call)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await At(silo, call);
            }
            catch (SiloUnavailableException) when (attempt < Attempts)
            {
                await Task.Delay(Pause);
            }
        }
    }

    /// <summary>Calls the grain of that silo, which is placed there if it is nowhere.</summary>
    private Task<TResult> At<TResult>(SiloAddress silo, Func<IStreamSiloGrain, Task<TResult>> call)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, silo);
        try
        {
            return call(GrainFactory.GetGrain<IStreamSiloGrain>(silo.ToParsableString()));
        }
        finally
        {
            RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        }
    }

    private static string Format(SiloAddress silo, Guid after) => $"{silo.ToParsableString()}/{after:N}";

    private static (SiloAddress? Silo, Guid After) Parse(string? token)
    {
        if (token is null) return default;
        string[] parts = token.Split('/');
        try
        {
            if (parts.Length == 2 && Guid.TryParse(parts[1], out var after)) return (SiloAddress.FromParsableString(parts[0]), after);
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or OverflowException or IndexOutOfRangeException)
        {
            // It is none, either.
        }

        throw new ArgumentException($"'{token}' is not where a page said that the next one begins.", nameof(StreamQuery.After));
    }
}
