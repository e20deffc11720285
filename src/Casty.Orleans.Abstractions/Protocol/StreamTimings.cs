namespace Casty.Orleans.Protocol;

/// <summary>The protocol's clockwork. All of it is measured on a monotonic clock.</summary>
/// <param name="Retry">How long an unanswered frame waits before it is sent again; doubles while nothing comes back.</param>
/// <param name="Lease">How long an end lives on without an answer; its counterpart waits twice as long (P-10).</param>
internal readonly record struct StreamTimings(TimeSpan Retry, TimeSpan Lease)
{
    public static readonly StreamTimings Default = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));

    public static StreamTimings For(TimeSpan lease) =>
        new(TimeSpan.FromTicks(Math.Min(Default.Retry.Ticks, Math.Max(lease.Ticks / 8, 1))), lease);

    /// <summary>After how long without an answer an end asks where its producer is.</summary>
    public TimeSpan Suspicion => 3 * Retry;

    /// <summary>How often an end that has nothing else to say renews its lease.</summary>
    public TimeSpan Renewal => Lease / 3;
}
