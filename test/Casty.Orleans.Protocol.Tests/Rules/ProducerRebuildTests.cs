namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class ProducerRebuildTests
{
    private static readonly StreamKey Next = Make.Key with { Incarnation = 2 };

    /// <summary>Readers alone have come to a run that began because the one before could not be found: it is lost, and a writer of that one comes.</summary>
    [Theory, Trait("Rule", "P-15")]
    [InlineData(false, true), InlineData(true, false)]
    public void RebuiltWithReadersAlone_ItsRunGivesWay_UnlessItHadWriters(bool hadWriters, bool isProvisional)
    {
        var producer = ProducerCore<int>.Rebuild(Make.Key with { Incarnation = 2 }, Make.Timings, Make.Start);
        Assert.False(producer.IsProvisional);   // nothing is known yet

        var roster = new Roster(1, 1, hadWriters ? [new RosterEntry(1, -1, StreamEndReason.None)] : [], "c", true, true, 1, 16, TimeSpan.FromMinutes(5), []);
        producer.Report(new ReaderReport(Make.Key, 1, "c", true, 0, 0, [], [], null, roster), long.MaxValue, Make.Elsewhere, Make.Start);
        Assert.Equal(isProvisional, producer.IsProvisional);
    }

    /// <summary>Its elements that were finished there, nobody here would ever be given.</summary>
    [Theory, Trait("Rule", "P-15")]
    [InlineData(0, true), InlineData(1, false)]
    public void Rebuilding_AWriterOfAnotherRunComes_IsTakenInOnlyIfNothingOfItWasFinishedThere(long confirmed, bool isTakenIn)
    {
        var producer = ProducerCore<int>.Rebuild(Make.Key with { Incarnation = 2 }, Make.Timings, Make.Start);
        var other = new StreamKey(new Guid("00000000-0000-0000-0000-000000000002"), 1);
        Assert.Equal(isTakenIn, producer.Report(new WriterReport(other, 5, confirmed, 3, 3, null, null), Make.Elsewhere, Make.Start));
    }

    [Fact, Trait("Rule", "P-15")]
    public void OpenedAgainWithoutAReader_IsNotProvisional_AsSomethingWasReadBefore()
    {
        var producer = ProducerCore<int>.Rebuild(Make.Key with { Incarnation = 2 }, Make.Timings, Make.Start);
        var roster = new Roster(1, 1, [new RosterEntry(1, -1, StreamEndReason.None)], "c", true, false, 1, 16, TimeSpan.FromMinutes(5), []);
        Assert.True(producer.Report(new WriterReport(Make.Key, 1, 2, 3, 3, null, roster), Make.Elsewhere, Make.Start));
        producer.OnTick(Make.At(60));
        Assert.False(producer.IsRebuilding);
        Assert.False(producer.IsProvisional);
    }

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

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_ALateReaderHasTheEnd_TheWriterGivesItsOwnOnceMore_AndAllIsWell()
    {
        var producer = Rebuild(new RosterEntry(1, -1, StreamEndReason.None));
        producer.Report(new WriterReport(Make.Key, 1, 0, 1, 16, StreamEnd.Completed, null), Make.Elsewhere, Make.Start);
        Assert.False(producer.IsRebuilding);
        producer.Report(new ReaderReport(Make.Key, 1, "consumer", true, 1, 1, [], [new WriterPosition(1, 1)], StreamEnd.Completed, null), long.MaxValue, Make.Elsewhere, Make.Start);
        Assert.True(producer.TryTakeDemandFor(1, out var told));
        Assert.Null(told.End);

        producer.OnFrame(new Frame<int>(Next, 1, [Make.Batch(0, 7)], 1, StreamEnd.Completed), Make.Start, out _);
        Assert.Empty(producer.Send());
        producer.OnDemand(new Demand(Next, 1, 2, 2, 2), Make.Start, out _);
        Assert.True(producer.TryTakeDemandFor(1, out told));
        Assert.Equal((2, 2), (told.Received, told.Confirmed));
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_ALateReaderHasTheEnd_AWriterThatCameSinceIsNotToldThatAllIsWell()
    {
        var producer = Rebuild(new RosterEntry(1, -1, StreamEndReason.None));
        producer.Report(Writer(1, StreamEnd.Completed), Make.Elsewhere, Make.Start);
        long other = producer.Attach(number: 99, Make.Start, Make.Elsewhere);
        producer.Report(new ReaderReport(Make.Key, 1, "consumer", true, 0, 0, [], [], StreamEnd.Completed, null), long.MaxValue, Make.Elsewhere, Make.Start);

        Assert.True(producer.TryTakeDemandFor(other, out var told));
        Assert.Equal(StreamEndReason.Cancelled, told.End?.Reason);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_OpenedBeforeItsTime_CompletesOnlyWhenNobodyElseCanCome()
    {
        var producer = Rebuild(new RosterEntry(7, -1, StreamEndReason.None));
        Assert.False(producer.IsRebuilding);
        Assert.Null(producer.End);

        producer.OnTick(Make.At(60));
        Assert.Equal(StreamEndReason.Completed, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_ReaderKnowsOfEverybody_CompletesAtOnce()
    {
        var producer = ProducerCore<int>.Rebuild(Next, Make.Timings, Make.Start);
        producer.Report(Reader(Roster(isRead: true, new RosterEntry(7, -1, StreamEndReason.None)) with { IsCertain = true }), long.MaxValue, Make.Elsewhere, Make.Start);
        producer.Report(Writer(7, StreamEnd.Completed), Make.Elsewhere, Make.Start);

        Assert.Equal(StreamEndReason.Completed, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_LateWriterKnowsOfAnother_WhichIsMissed()
    {
        var producer = Rebuild(new RosterEntry(7, -1, StreamEndReason.None));
        var roster = Roster(isRead: false, new RosterEntry(8, -1, StreamEndReason.None), new RosterEntry(9, -1, StreamEndReason.None)) with { Version = 10 };

        Assert.True(producer.Report(Writer(8, StreamEnd.Completed) with { Roster = roster }, Make.Elsewhere, Make.Start));
        Assert.Null(producer.End);
        producer.OnTick(Make.At(60));
        Assert.Equal(StreamEndReason.Abandoned, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_LateReader_IsGivenWhatItHasNotHad()
    {
        var producer = Rebuild(new RosterEntry(7, -1, StreamEndReason.None), new RosterEntry(1, -1, StreamEndReason.None));
        producer.Report(Writer(1, null) with { Put = 4, Held = 4 }, Make.Elsewhere, Make.Start);
        producer.OnFrame(Make.Frame(0, 10, 11) with { Stream = Next }, Make.Start, out _);

        // It had three, and has finished one of them.
        producer.Report(new ReaderReport(Make.Key, 1, "consumer", true, 3, 1, [new Run(1, 2, 1, 1)], [new WriterPosition(1, 3)], null, null), long.MaxValue, Make.Elsewhere, Make.Start);
        producer.OnFrame(Make.Frame(2, 12, 13) with { Stream = Next }, Make.Start, out _);
        producer.OnDemand(new Demand(Next, 1, 3, 1, 9), Make.Start, out _);

        Assert.True(producer.TryTakeFrame(8, long.MaxValue, Make.Start, out var frame));
        var batch = Assert.Single(frame.Batches);
        Assert.Equal((3, 3), (batch.First, batch.WriterFirst));
        Assert.Equal([13], batch.Elements);
        Assert.True(producer.TryTakeDemandFor(1, out var told));
        Assert.Equal((4, 1), (told.Received, told.Confirmed));
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_ReaderThatDetachedHere_IsNotSeatedAgain()
    {
        var producer = ProducerCore<int>.Rebuild(Next, Make.Timings, Make.Start);
        var report = Reader(Roster(isRead: true));
        producer.Report(report, long.MaxValue, Make.Elsewhere, Make.Start);
        producer.OnDemand(new Demand(Next, 1, 0, 0, 0, Leave: Leave.Detach), Make.Start, out _);

        Assert.False(producer.IsReaderAttached);
        Assert.False(producer.IsWelcome(report));
        Assert.False(producer.MustYieldTo(report));
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_ReaderNeverHadAnAnswer_IsNotWaitedForNorMissed()
    {
        var producer = ProducerCore<int>.Rebuild(Next, Make.Timings, Make.Start);
        producer.Report(Writer(7, null) with { Roster = Roster(isRead: true, new RosterEntry(7, -1, StreamEndReason.None)) with { IsNamed = false } }, Make.Elsewhere, Make.Start);

        producer.OnAsking("consumer", Make.Start);
        Assert.True(producer.IsRebuilding);   // a question may be late
        producer.OnAsking("consumer", Make.At(2));
        Assert.False(producer.IsRebuilding);
        Assert.Null(producer.End);
        Assert.Equal(0, producer.Subscribe("consumer", isNamed: false, position: null, Make.At(2)));
    }

    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_PlaceGivenUp_TheSubscriptionTimeoutRunsOn()
    {
        var before = Make.Producer();
        before.Attach(7, Make.Start, Make.Elsewhere);
        var roster = before.LastRoster(Make.At(200));

        var producer = ProducerCore<int>.Rebuild(Next, Make.Timings, Make.Start);
        producer.Report(Writer(7, null) with { Roster = roster }, Make.Elsewhere, Make.Start);
        Assert.Equal(Make.At(100), producer.UnreadDeadline);
    }

    /// <summary>A lifetime that was over before it had been rebuilt took nobody in: the roster of the one before still names all.</summary>
    [Theory, Trait("Rule", "P-15")]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void Rebuilt_LifetimeBeforeNeverOpened_IsNotWaitedFor(long opened, bool opens)
    {
        var producer = ProducerCore<int>.Rebuild(Next with { Incarnation = 3 }, Make.Timings, Make.Start);
        producer.Report(Writer(7, null) with { Stream = Next, Opened = opened, Roster = Roster(isRead: false, new RosterEntry(7, -1, StreamEndReason.None)) }, Make.Elsewhere, Make.Start);

        Assert.Equal(opens, !producer.IsRebuilding);
    }

    [Theory, Trait("Rule", "P-15")]
    [InlineData("consumer", true)]
    [InlineData("other", false)]
    public void Rebuilt_ReaderThatAsksMayBeAnother_TheOneBeforeIsWaitedFor(string consumer, bool isNamed)
    {
        var producer = ProducerCore<int>.Rebuild(Next, Make.Timings, Make.Start);
        producer.Report(Writer(7, null) with { Roster = Roster(isRead: true, new RosterEntry(7, -1, StreamEndReason.None)) with { IsNamed = isNamed } }, Make.Elsewhere, Make.Start);

        producer.OnAsking(consumer, Make.Start);
        producer.OnAsking(consumer, Make.At(2));
        Assert.True(producer.IsRebuilding);
        producer.OnTick(Make.At(60));
        Assert.Equal(isNamed ? null : StreamEndReason.Abandoned, producer.End?.Reason);
    }

    [Theory, Trait("Rule", "P-15")]
    [InlineData(true)]
    [InlineData(false)]
    public void Writer_GoesWhileItsProducerIsLost_TheNextOneHasAllFirst(bool isAnswered)
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(received: 0, limit: 4), Make.Start, out _);
        writer.TryPut(1);
        writer.TryEnd(StreamEnd.Completed);
        writer.Frames();
        writer.OnDemand(Make.Demand(received: 2, limit: 4, confirmed: 0), Make.Start, out _);
        writer.BeginRejoin(Make.Start);
        if (isAnswered) writer.TryRejoin(Next, Make.Start);
        writer.Leave();
        Assert.Null(writer.Outcome);

        if (!isAnswered) writer.TryRejoin(Next, Make.Start);
        writer.OnDemand(new Demand(Next, 1, 0, 0, 4), Make.Start, out _);
        Assert.Equal([1], writer.Frames().SelectMany(Make.Elements));
        writer.OnDemand(new Demand(Next, 1, 2, 0, 4), Make.Start, out _);
        Assert.True(Assert.Single(writer.Frames()).Leaving);
    }

    /// <summary>However often: what a carrier says counts on from what the one before had counted.</summary>
    [Fact, Trait("Rule", "P-15")]
    public void Rebuilt_TheProducerWasKilled_TheSubscriptionTimeoutRunsOn()
    {
        var producer = Make.Producer();
        producer.Attach(7, Make.Start, Make.Elsewhere);
        var writer = Make.Writer(7);
        writer.Keep(producer.RosterOnJoining(7), Make.Start);
        producer.OnFrame(new Frame<int>(Make.Key, 7, []), Make.At(30), out _);
        producer.Attach(8, Make.At(50), Make.Elsewhere);   // a newer roster does not begin anew
        Assert.True(producer.TryTakeDemandFor(7, out var told));
        writer.OnDemand(told, Make.At(50), out _);

        for (int killed = 1; killed <= 2; killed++)
        {
            var now = Make.At(50 * killed + 50);
            var next = Make.Key with { Incarnation = 1 + killed };
            producer = ProducerCore<int>.Rebuild(next, Make.Timings, now);
            producer.Report(writer.BeginRejoin(now), Make.Elsewhere, now);
            producer.OnTick(now + Make.Timings.Lease);   // the other one does not come
            writer.OnToldToWait(now);
            writer.TryRejoin(next, now);
            Assert.InRange(producer.UnreadDeadline, Make.At(300), Make.At(300 + 60 * killed));
            Assert.True(producer.TryTakeDemandFor(7, out told));
            writer.OnDemand(told, now, out _);
        }
    }

    [Fact, Trait("Rule", "P-15")]
    public void Writer_GoesWhileItLooksForItsProducer_WhichIsThereAfterAll()
    {
        var writer = Make.Writer();
        writer.TryEnd(StreamEnd.Completed);
        writer.Frames();
        writer.OnDemand(Make.Demand(received: 1, limit: 0, confirmed: 0), Make.Start, out _);
        writer.BeginRejoin(Make.Start);
        writer.Leave();
        Assert.False(writer.TryRejoin(Make.Key, Make.Start));

        Assert.True(Assert.Single(writer.Frames()).Leaving);
    }

    [Fact, Trait("Rule", "P-15")]
    public void TwoThatTakeTheSamePlace_HoweverSoonOneFollowsTheOther_Differ()
    {
        long now = Make.Key.Incarnation;
        Assert.True(Make.Key.Next(now).Incarnation > now);   // a clock that lags
        Assert.NotEqual(Make.Key.Next(now + 10), Make.Key.Next(now + 11));
    }

    private static ReaderReport Reader(Roster roster) => new(Make.Key, 1, "consumer", true, 0, 0, [], [], null, roster);

    private static Roster Roster(bool isRead, params RosterEntry[] entries) => new(1, 9, entries, "consumer", true, isRead, isRead ? 1 : 0, 16, TimeSpan.FromMinutes(5), []);

    private static ProducerCore<int> Rebuild(params RosterEntry[] entries)
    {
        var producer = ProducerCore<int>.Rebuild(Next, Make.Timings, Make.Start);
        var roster = new Roster(1, 9, entries, null, false, false, 0, 16, TimeSpan.FromMinutes(5), []);
        producer.Report(new WriterReport(Make.Key, 7, 0, 0, 0, StreamEnd.Completed, roster), Make.Elsewhere, Make.Start);
        return producer;
    }

    private static WriterReport Writer(long number, StreamEnd? end) => new(Make.Key, number, 0, 0, 0, end, null);
}
