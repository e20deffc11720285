namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>Ends whose handles were handed over keep their place for one other end (P-17).</summary>
public sealed class HandOverTests
{
    private static readonly Guid One = new(1, 0, 0, new byte[8]);
    private static readonly Guid Other = new(2, 0, 0, new byte[8]);

    [Fact, Trait("Rule", "P-17")]
    public void ParkedReader_OfAStreamThatCompletes_DoesNotFinishIt()
    {
        var line = new Line(bufferSize: 4, initialDemand: 4);
        line.Reader.Park();
        line.Writer.TryEnd(StreamEnd.Completed);
        line.Pump();
        for (int i = 0; i < 3; i++) line.Tick();

        Assert.Equal(StreamEndReason.Completed, line.Producer.End?.Reason);
        Assert.False(line.Producer.IsOver);
        Assert.Null(line.Reader.End);
        Assert.Null(line.Writer.Outcome);
    }

    [Theory, Trait("Rule", "P-17")]
    [InlineData(true)]
    [InlineData(false)]
    public void ParkedReader_ThatLetsGo_DoesNotMakeTheStreamLookComplete(bool cancels)
    {
        var line = new Line(bufferSize: 4, initialDemand: 4);
        line.Reader.Park();
        Assert.True(line.Writer.TryPut(1));
        line.Writer.TryEnd(StreamEnd.Completed);
        line.Pump();
        Assert.True(line.Reader.TryLeave(cancels ? Leave.Cancel : Leave.Detach, new StreamEnd(StreamEndReason.Abandoned, "Not used.")));
        line.Pump();

        Assert.True(line.Reader.IsSettled);
        Assert.Equal(cancels, line.Producer.IsOver);
        Assert.Equal(cancels ? StreamEndReason.Abandoned : null, line.Writer.Outcome?.Reason);
        if (line.Producer.IsOver) Assert.Equal("Not used.", line.Writer.Outcome?.Message);
    }

    [Fact, Trait("Rule", "P-17")]
    public void ParkedReader_WhoseProducerIsLost_GivesBackWhatItReceived()
    {
        var line = new Line(bufferSize: 8, initialDemand: 4, writers: 2);
        for (int i = 0; i < 2; i++) Assert.True(line.Writer.TryPut(i));
        line.Pump();
        Assert.True(line.Reader.TryTake(out _));
        line.Reader.Finish();
        line.Reader.Park();
        Assert.True(line.Writers[1].TryPut(10));
        line.Pump();

        var report = line.Reader.BeginRejoin("consumer", isNamed: true);
        Assert.Equal((1, 1, 0), (report.Received, report.Finished, report.Unfinished.Length));
        Assert.Equal([new WriterPosition(1, 1), new WriterPosition(2, 0)], report.Positions.OrderBy(position => position.Writer));

        // What comes again is taken again.
        var next = Make.Key with { Incarnation = 2 };
        Assert.True(line.Reader.TryRejoin(next, 1, 1, [], line.Now));
        var frame = new Frame<int>(next, 1, [new Batch<int>(1, 1, 1, new[] { 1 })]);
        Assert.Equal(Verdict.Accepted, line.Reader.OnFrame(frame, line.Now, out _));
        Assert.Equal(2, line.Reader.Current.Received);
    }

    [Fact, Trait("Rule", "P-17")]
    public void Writer_InThePlaceOfAnIdleOne_TheStreamHasOneAllTheTime()
    {
        var producer = Make.Producer(bufferSize: 4);
        producer.Attach(1, Make.Start);
        producer.TryTakeDemandFor(1, out var first);
        Assert.True(producer.IsIdle(1));
        producer.Attach(2, Make.Start);
        producer.Replace(1, Make.Start);

        Assert.False(producer.IsIdle(1));
        Assert.True(producer.TryTakeDemandFor(2, out var second));
        Assert.Equal(first.Limit, second.Limit);   // all the credit that the other had
        Assert.Null(producer.End);

        // What the first may still say, it says for nobody: not even that it lets go.
        var late = new Frame<int>(Make.Key, 1, [], 0, new StreamEnd(StreamEndReason.Abandoned));
        Assert.Equal(Verdict.Stale, producer.OnFrame(late, Make.Start, out _));
        producer.OnFrame(Make.End(0, StreamEnd.Completed, peer: 2), Make.Start, out _);
        Assert.Equal(StreamEndReason.Completed, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-17")]
    public void Writer_ThatHasPutOrEnded_HasNoPlaceToGive()
    {
        var producer = Make.Producer();
        producer.Attach(1, Make.Start);
        producer.Attach(2, Make.Start);
        producer.OnFrame(Make.Frame(0, 1), Make.Start, out _);
        producer.OnFrame(Make.End(0, StreamEnd.Completed, peer: 2), Make.Start, out _);

        Assert.False(producer.IsIdle(1));
        Assert.False(producer.IsIdle(2));
        Assert.False(producer.IsIdle(3));
        producer.Replace(1, Make.Start);
        Assert.True(producer.Knows(1));
    }

    [Theory, Trait("Rule", "P-17")]
    [InlineData(true)]
    [InlineData(false)]
    public void Rebuilt_TheReplacedWriterIsNeitherMissedNorLetIn(bool comesFirst)
    {
        var entries = new[] { new RosterEntry(1, -1, StreamEndReason.None) };
        var roster = new Roster(1, 9, entries, null, false, false, 0, 16, TimeSpan.FromMinutes(5), []);
        var producer = ProducerCore<int>.Rebuild(Make.Key with { Incarnation = 2 }, Make.Timings, Make.Start);
        var old = new WriterReport(Make.Key, 1, 0, 0, 4, null, roster);
        if (comesFirst) Assert.True(producer.Report(old, Make.Elsewhere, Make.Start));
        Assert.True(producer.Report(new WriterReport(Make.Key, 2, 0, 0, 4, StreamEnd.Completed, roster), Make.Elsewhere, Make.Start));
        producer.Replace(1, Make.Start);
        Assert.False(producer.IsRebuilding);
        if (!comesFirst) Assert.False(producer.Report(old, Make.Elsewhere, Make.Start));

        producer.OnTick(Make.At(60));
        Assert.False(producer.Knows(1));
        Assert.Equal(StreamEndReason.Completed, producer.End?.Reason);
    }

    /// <summary>It never heard that another has its place, and asks before that one, whose report is the last that is waited for.</summary>
    [Fact, Trait("Rule", "P-17")]
    public void Rebuilt_TheReplacedWriterReportsFirst_NothingIsLost()
    {
        var entries = new[] { new RosterEntry(2, -1, StreamEndReason.None) };
        var roster = new Roster(1, 9, entries, "consumer", true, true, 1, 16, TimeSpan.FromMinutes(5), []);
        var producer = ProducerCore<int>.Rebuild(Make.Key with { Incarnation = 2 }, Make.Timings, Make.Start);
        producer.Report(new ReaderReport(Make.Key, 1, "consumer", true, 0, 0, [], [new WriterPosition(2, 0)], null, roster), long.MaxValue, Make.Elsewhere, Make.Start);
        Assert.True(producer.Report(new WriterReport(Make.Key, 1, 0, 0, 4, null, null, new RosterMark(1, 3)), Make.Elsewhere, Make.Start));
        Assert.True(producer.IsRebuilding);
        Assert.True(producer.Report(new WriterReport(Make.Key, 2, 0, 0, 4, StreamEnd.Completed, null, new RosterMark(1, 5)), Make.Elsewhere, Make.Start, replaces: 1));
        Assert.False(producer.IsRebuilding);

        producer.OnTick(Make.At(60));
        Assert.False(producer.Knows(1));
        Assert.Equal(StreamEndReason.Completed, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-17")]
    public void Reader_HasThePlaceUntilItIsTakenOrLeft()
    {
        var producer = Make.ProducerHolding(1, 2);
        producer.Reader = One;
        Assert.True(producer.IsReader(One));
        Assert.False(producer.IsReader(Other));
        Assert.False(producer.IsReader(Guid.Empty));

        producer.Fence(Make.Start);
        Assert.False(producer.IsReader(One));   // another is taking it
        producer.Subscribe("consumer", isNamed: true, position: 0, Make.Start);
        producer.Reader = Other;
        Assert.True(producer.IsReader(Other));

        producer.OnDemand(Make.Demand(0, 2, peer: 2) with { Leave = Leave.Detach }, Make.Start, out _);
        Assert.False(producer.IsReader(Other));
    }

    [Fact, Trait("Rule", "P-17")]
    public void Rebuilt_TheReaderThatTheRosterNamesHasThePlace()
    {
        var roster = new Roster(1, 9, [new RosterEntry(1, -1, StreamEndReason.None)], "consumer", true, true, 1, 16, TimeSpan.FromMinutes(5), [], Reader: One);
        var producer = ProducerCore<int>.Rebuild(Make.Key with { Incarnation = 2 }, Make.Timings, Make.Start);
        producer.Report(new WriterReport(Make.Key, 1, 0, 0, 4, null, roster), Make.Elsewhere, Make.Start);
        producer.OnTick(Make.At(60));   // it has not come

        Assert.True(producer.IsReader(One));
        producer.Subscribe("consumer", isNamed: true, position: null, Make.At(61));
        producer.Reader = Other;
        Assert.False(producer.IsReader(One));
    }
}
