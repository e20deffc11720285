namespace Casty.Orleans.Protocol;

/// <summary>What a receiver thinks of a frame. The shell decides what to do about it.</summary>
internal enum Verdict
{
    /// <summary>Never used.</summary>
    None = 0,

    /// <summary>The frame was taken, in full or in part.</summary>
    Accepted = 1,

    /// <summary>The frame said nothing new: late, or repeated. Harmless.</summary>
    Duplicate = 2,

    /// <summary>The frame is of another run, lifetime, writer or epoch. It changed nothing.</summary>
    Stale = 3,

    /// <summary>The frame says what no correct peer can say. The stream is over (P-12).</summary>
    Violation = 4,
}
