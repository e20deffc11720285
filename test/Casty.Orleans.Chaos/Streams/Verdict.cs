namespace Casty.Orleans.Chaos.Streams;

/// <summary>What a stream was to do, given what became of its ends.</summary>
internal enum Verdict
{
    /// <summary>Every end lived: complete, exactly once, in order.</summary>
    Exact,

    /// <summary>Every end lived, and one of them left, failed or abandoned as planned.</summary>
    EndedAsPlanned,

    /// <summary>A named reader was lost, and the next ones went on without a gap.</summary>
    Resumed,

    /// <summary>A writer's producer was lost before anybody else had joined it: that was another stream, and the writer knows it.</summary>
    Apart,

    /// <summary>A writer was lost: the reader got a part, and knows it.</summary>
    WriterLost,

    /// <summary>An anonymous reader was lost, and the writers know it.</summary>
    ReaderLost,

    /// <summary>Some of several consumers were lost, and the others went on.</summary>
    ConsumersLost,

    /// <summary>A process stood still for longer than its lease: it ended or went on, and nothing was doubled or skipped.</summary>
    Paused,

    /// <summary>Nobody was left to tell.</summary>
    AllLost,
}
