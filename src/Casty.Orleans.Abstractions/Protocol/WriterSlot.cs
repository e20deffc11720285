namespace Casty.Orleans.Protocol;

/// <summary>What a producer knows of one writer.</summary>
internal sealed class WriterSlot<T>(long number, TimeSpan now, long start = 0)
{
    private long _newest;

    public long Number { get; } = number;

    /// <summary>Its first element that this producer takes.</summary>
    public long Start { get; } = start;

    public Inbound<T> In { get; } = new(start);

    /// <summary>The newest grant sent to the writer; a recall raises it.</summary>
    public long Grant { get; set; }

    /// <summary>The limit of the newest grant.</summary>
    public long Limit { get; set; }

    /// <summary>The most that the writer can believe to hold: what a recall has not yet brought back counts as used (P-08).</summary>
    public long Ceiling { get; set; }

    /// <summary>The position up to which the writer would put if it could.</summary>
    public long Wanted { get; private set; }

    /// <summary>The reader has finished this writer's elements before this position.</summary>
    public long Confirmed { get; set; }

    public TimeSpan HeardAt { get; set; } = now;

    /// <summary>The process that it is in; empty where that is the producer's own.</summary>
    public Guid Process { get; init; }

    public bool IsRemote => Process != Guid.Empty;

    /// <summary>How far the writer was told that its elements are finished.</summary>
    public long ToldConfirmed { get; set; }

    /// <summary>How far the writer has said that it knows its elements to be finished (P-16).</summary>
    public long KnownConfirmed { get; set; }

    /// <summary>How far it was asked to know.</summary>
    public long AskedConfirmed { get; set; }

    /// <summary>Since when it has not answered that; <see cref="TimeSpan.MaxValue"/> where it has.</summary>
    public TimeSpan AskedAt { get; set; } = TimeSpan.MaxValue;

    /// <summary>It has not answered for so long that nobody waits for it, until it speaks.</summary>
    public bool IsDeaf { get; set; }

    /// <summary>How many of its elements it would give again, as it does not know that they are finished; as counted last.</summary>
    public long Untold { get; set; }

    /// <summary>Something was finished since it was asked last.</summary>
    public bool HasNews { get; set; }

    /// <summary>The roster's version when the writer joined.</summary>
    public long JoinedAt { get; init; }

    /// <summary>The state of the roster when it joined an earlier lifetime.</summary>
    public RosterMark JoinedBefore { get; init; }

    /// <summary>The reader has had its elements before this position from an earlier lifetime: they are taken, and not sent again.</summary>
    public long ReaderHas { get; set; }

    /// <summary>How much it had put when it reported that it has ended; −1 where it had not.</summary>
    public long ReportedEnd { get; init; } = -1;

    /// <summary>Others know of it: it may vouch for those who join after it.</summary>
    public bool IsEstablished { get; set; }

    /// <summary>It has said anything at all: only then is it waited for.</summary>
    public bool HasSpoken { get; set; }

    /// <summary>It did not answer when somebody waited for it to know the roster, and has not spoken since.</summary>
    public bool IsSilent { get; set; }

    /// <summary>It is known from the roster alone, and has not come since its producer was lost; it still may.</summary>
    public bool IsAwaited { get; set; }

    /// <summary>It has ended and gone, before the reader has finished its elements: it will not ask what becomes of them.</summary>
    public bool HasLeft { get; set; }

    /// <summary>It is not there to be spoken to.</summary>
    public bool IsAbsent => IsAwaited || HasLeft;

    /// <summary>The version of the newest roster that the writer has.</summary>
    public long RosterSeen { get; set; }

    /// <summary>The version of the newest roster that it was told.</summary>
    public long RosterSaid { get; set; }

    /// <summary>It was told a roster and has not said that it came: another need not follow it.</summary>
    public bool IsRosterOut => RosterSaid > RosterSeen;

    /// <summary>Waits in line to be told something.</summary>
    public bool IsDirty { get; set; }

    public bool IsEnded => In.End is not null;

    /// <summary>It has ended and the reader has finished all its elements; the end itself is the last position received.</summary>
    public bool IsFinished => IsEnded && Confirmed >= In.Received - 1;

    /// <summary>Credit that the writer may hold and has not used, as far as is known here.</summary>
    public long Unused => IsEnded ? 0 : Math.Max(0, Ceiling - In.Received);

    /// <summary>A recall is on its way and not answered.</summary>
    public bool IsRecalled => !IsEnded && Ceiling > Limit;

    /// <summary>When the recall was said, or said again.</summary>
    public TimeSpan RecalledAt { get; set; }

    /// <summary>The writer has put at least so much, arrived or not: an earlier recall could not bring it back.</summary>
    public long Put { get; set; }

    /// <summary>
    /// What a recall may take: credit above the fair share, or that the writer does not want. Never what it was just given
    /// because it wants it, nor what it has used, or the same credit would be recalled for ever and help nobody (P-08).
    /// </summary>
    public long SurplusOver(long share) => Limit - Math.Max(Math.Max(Put, In.Received), Math.Min(Wanted, In.Received + share));

    public bool IsHungry => !IsEnded && Wanted > Limit;

    /// <summary>The writer says how far it would put. Less may be the newer word, so the frames' own order decides (P-08).</summary>
    public void OnWanted(long wanted, long number)
    {
        if (number >= _newest)
        {
            _newest = number;
            Wanted = wanted;
        }

        Wanted = Math.Max(Wanted, In.Received);
    }
}
