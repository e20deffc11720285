namespace Casty.Orleans.Protocol;

/// <summary>The protocol's clockwork. All of it is measured on a monotonic clock.</summary>
/// <param name="Retry">How long an unanswered frame waits before it is sent again; doubles while nothing comes back.</param>
/// <param name="Lease">How long an end lives on without an answer; its counterpart waits twice as long (P-10).</param>
internal readonly record struct StreamTimings(TimeSpan Retry, TimeSpan Lease)
{
    public static readonly StreamTimings Default = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));

    public static StreamTimings For(TimeSpan lease) =>
        new(TimeSpan.FromTicks(Math.Min(Default.Retry.Ticks, Math.Max(lease.Ticks / 8, 1))), lease);

    /// <summary>So often at least an end repeats itself before it asks where its producer is: its clock may have jumped.</summary>
    public const int SuspiciousAttempts = 2;

    /// <summary>After how long without an answer an end asks where its producer is.</summary>
    public TimeSpan Suspicion => 3 * Retry;

    /// <summary>How long an end waits for its producer's grain before it asks again: several attempts must fit into a lease.</summary>
    public TimeSpan Patience => TimeSpan.FromTicks(Math.Clamp((Lease / 6).Ticks, Retry.Ticks, (5 * Retry).Ticks));

    /// <summary>How often an end that has nothing else to say renews its lease.</summary>
    public TimeSpan Renewal => Lease / 3;

    /// <summary>
    /// The times that are not urgent fall on whole steps of the clock, which the ends of a process share: so thousands of idle ones are woken
    /// together, and not one by one.
    /// </summary>
    public TimeSpan Step => TimeSpan.FromTicks(Math.Max(1, Retry.Ticks / 4));

    /// <summary>The last step that is not after <paramref name="time"/>.</summary>
    public TimeSpan StepBefore(TimeSpan time) => TimeSpan.FromTicks(time.Ticks - time.Ticks % Step.Ticks);

    /// <summary>The first step that is not before <paramref name="time"/>.</summary>
    public TimeSpan StepAfter(TimeSpan time) => StepBefore(time + Step - TimeSpan.FromTicks(1));
}
