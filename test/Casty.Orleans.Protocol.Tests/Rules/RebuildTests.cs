namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class RebuildTests
{
    private static readonly StreamKey Next = Make.Key with { Incarnation = 2 };

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_WriterMissing_NeverCompletes()
    {
        var producer = Rebuild(new RosterEntry(1, 0, StreamEndReason.Completed), new RosterEntry(2, -1, StreamEndReason.None));
        producer.Report(Writer(1, StreamEnd.Completed), Make.Elsewhere, Make.Start);
        Assert.True(producer.IsRebuilding);
        producer.OnTick(Make.At(60));

        Assert.Equal(StreamEndReason.Abandoned, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_WriterWasLostBefore_NeverCompletes()
    {
        var producer = Rebuild(new RosterEntry(1, -1, StreamEndReason.None), new RosterEntry(0, 0, StreamEndReason.Abandoned));
        producer.Report(Writer(1, StreamEnd.Completed), Make.Elsewhere, Make.Start);

        Assert.Equal(StreamEndReason.Abandoned, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_ReaderHadFinishedMoreThanTheWriterKnows_TheWriterIsToldSo()
    {
        var producer = Rebuild(new RosterEntry(1, -1, StreamEndReason.None));
        producer.Report(new ReaderReport(Make.Key, 1, "consumer", true, 3, 3, [], [new WriterPosition(1, 3)], null, null), long.MaxValue, Make.Elsewhere, Make.Start);
        producer.Report(new WriterReport(Make.Key, 1, 1, 3, 3, null, null), Make.Elsewhere, Make.Start);

        Assert.True(producer.TryTakeDemandFor(1, out var told));
        Assert.Equal((3, 3), (told.Received, told.Confirmed));
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_ReaderHasTheEnd_IsNotTakenForAViolation()
    {
        var producer = Rebuild();
        producer.Report(new ReaderReport(Make.Key, 1, "consumer", true, 3, 2, [new Run(2, 1, 1, 2)], [new WriterPosition(1, 3)], StreamEnd.Completed, null), long.MaxValue, Make.Elsewhere, Make.Start);
        producer.OnTick(Make.At(60));

        Assert.NotEqual(Verdict.Violation, producer.OnDemand(new Demand(Next, 1, 4, 2, 4), Make.At(60), out _));
    }

    private static ProducerCore<int> Rebuild(params RosterEntry[] entries)
    {
        var producer = ProducerCore<int>.Rebuild(Next, Make.Timings, Make.Start);
        var roster = new Roster(1, 9, entries, null, false, false, 0, 16, TimeSpan.FromMinutes(5), []);
        producer.Report(new WriterReport(Make.Key, 7, 0, 0, 0, StreamEnd.Completed, roster), Make.Elsewhere, Make.Start);
        return producer;
    }

    private static WriterReport Writer(long number, StreamEnd? end) => new(Make.Key, number, 0, 0, 0, end, null);
}
