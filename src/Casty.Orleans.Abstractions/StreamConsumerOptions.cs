namespace Casty.Orleans;

/// <summary>What leaving a loop over a source does to the stream.</summary>
public enum StreamLeave
{
    /// <summary>The stream is cancelled: its writers are told, its elements dropped, its name freed.</summary>
    Cancel = 1,

    /// <summary>The stream is kept for the next reader of the same name, exactly after the last element that was given out.</summary>
    Detach = 2,
}

/// <summary>
/// How a source asks for elements. A value left null is inherited: from <c>AddCastyStreams</c> in the reader's process,
/// then the built-in default.
/// </summary>
/// <remarks>Read when an end is opened: a later change has no effect on that end.</remarks>
public sealed class StreamConsumerOptions
{
    /// <summary>The built-in <see cref="InitialDemand"/>.</summary>
    public const int DefaultInitialDemand = 16;

    /// <summary>The built-in <see cref="MaxDemand"/>.</summary>
    public const int DefaultMaxDemand = 4096;

    /// <summary>The built-in <see cref="MaxDemandBytes"/>.</summary>
    public const long DefaultMaxDemandBytes = 16 * 1024 * 1024;

    /// <summary>
    /// How many elements the reader asks for at first. Set alone it fixes the window: with 2 there are never more than two
    /// elements outstanding (P-06, docs/protocol.md). At least 1 and at most <see cref="MaxDemand"/>. Default: 16.
    /// </summary>
    public int? InitialDemand { get; set; }

    /// <summary>
    /// How many elements may be outstanding, that is asked for and not yet given to the reader. The window grows towards it
    /// while the reader keeps up and shrinks when it does not (P-06, docs/protocol.md). Set alone it lowers the start to fit. At least 1.
    /// Default: 4096.
    /// </summary>
    public int? MaxDemand { get; set; }

    /// <summary>
    /// How many bytes of elements may be outstanding where elements are serialised, that is where they cross processes. One
    /// element always passes (P-07, docs/protocol.md). At least 1. Default: 16 MiB.
    /// </summary>
    public long? MaxDemandBytes { get; set; }

    /// <summary>
    /// How long the reader waits for an element before the loop throws <see cref="TimeoutException"/>; only the time that the
    /// reader waits counts. Positive, or <see cref="Timeout.InfiniteTimeSpan"/>, which waits for ever. Default: infinite.
    /// </summary>
    public TimeSpan? InactivityTimeout { get; set; }

    /// <summary>
    /// What leaving the loop does. <see cref="StreamLeave.Detach"/> needs a named consumer; as a process' default it is passed over for
    /// consumers without a name. Default: <see cref="StreamLeave.Cancel"/>.
    /// </summary>
    public StreamLeave? OnLeave { get; set; }

    /// <summary>
    /// The delivery that the reader expects (P-19, docs/protocol.md): a stream with another one is refused. A stream that no sink has been opened for yet takes it from
    /// its first reader that names one. Default: none, the reader takes what there is; and a stream without a sink has one consumer.
    /// </summary>
    public StreamDelivery? Delivery { get; set; }

    /// <summary>
    /// Where the reader begins in a broadcast that others read already (P-19, docs/protocol.md). Without meaning for other deliveries, and for a named consumer that
    /// resumes. Default: <see cref="StreamStart.Latest"/>.
    /// </summary>
    public StreamStart? Start { get; set; }

    internal void Validate(string parameter)
    {
        foreach (var flaw in Flaws()) throw flaw.ToException(parameter);
    }

    /// <summary>The options that are out of their range.</summary>
    internal IEnumerable<OptionFlaw> Flaws()
    {
        if (InitialDemand < 1) yield return new(nameof(InitialDemand), InitialDemand, "at least 1");
        if (MaxDemand < 1) yield return new(nameof(MaxDemand), MaxDemand, "at least 1");
        else if (InitialDemand > MaxDemand) yield return new(nameof(InitialDemand), InitialDemand, $"at most MaxDemand, which is {MaxDemand}");
        if (MaxDemandBytes < 1) yield return new(nameof(MaxDemandBytes), MaxDemandBytes, "at least 1");
        if (OnLeave is not (null or StreamLeave.Cancel or StreamLeave.Detach)) yield return new(nameof(OnLeave), OnLeave, "Cancel or Detach");
        if (!Require.IsTimeout(InactivityTimeout)) yield return new(nameof(InactivityTimeout), InactivityTimeout, Require.Timeout);
        if (Delivery is { } delivery && !Enum.IsDefined(delivery)) yield return new(nameof(Delivery), Delivery, "Single, Broadcast or Balanced");
        if (Start is { } start && !Enum.IsDefined(start)) yield return new(nameof(Start), Start, "Latest or Earliest");
    }

    /// <summary>These options where they name something, and others for the rest. The others themselves where these name nothing: not to be changed.</summary>
    internal StreamConsumerOptions Or(StreamConsumerOptions other)
    {
        if (this is { InitialDemand: null, MaxDemand: null, MaxDemandBytes: null, InactivityTimeout: null, OnLeave: null, Delivery: null, Start: null }) return other;

        // The nearest level that speaks of the window decides all of it, or a fixed window could be widened from afar.
        var window = InitialDemand is null && MaxDemand is null ? other : this;
        return new StreamConsumerOptions
        {
            InitialDemand = window.InitialDemand,
            MaxDemand = window.MaxDemand,
            MaxDemandBytes = MaxDemandBytes ?? other.MaxDemandBytes,
            InactivityTimeout = InactivityTimeout ?? other.InactivityTimeout,
            OnLeave = OnLeave ?? other.OnLeave,
            Delivery = Delivery ?? other.Delivery,
            Start = Start ?? other.Start,
        };
    }

    /// <summary>The window that these options mean.</summary>
    internal (int Initial, int Max) Window => (InitialDemand, MaxDemand) switch
    {
        (null, null) => (DefaultInitialDemand, DefaultMaxDemand),
        ({ } initial, null) => (initial, initial),
        (null, { } max) => (Math.Min(DefaultInitialDemand, max), max),
        ({ } initial, { } max) => (initial, max),
    };
}
