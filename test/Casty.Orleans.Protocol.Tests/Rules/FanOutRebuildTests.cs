namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>Several consumers whose producer was lost, and the one that takes its place.</summary>
public sealed class FanOutRebuildTests
{
    private static readonly StreamKey Next = Make.Key with { Incarnation = 2 };
    private static readonly Guid One = new(1, 0, 0, new byte[8]), Other = new(2, 0, 0, new byte[8]);

    private readonly ProducerCore<int> _producer = ProducerCore<int>.Rebuild(Next, Make.Timings, Make.Start);

    [Fact, Trait("Rule", "P-19")]
    public void Subscribed_LateInABroadcast_KnowsWhereItBegins()
    {
        var producer = Make.Producer();
        var fan = new FanOut<int>(producer, StreamDelivery.Broadcast, StreamSlowConsumer.Wait, Make.Timings);
        producer.Attach(Make.Start);
        var first = fan.Subscribe("one", isNamed: true, null, StreamStart.Latest, One, Make.Elsewhere, long.MaxValue, Make.Start);
        Assert.Empty(fan.StartOf(first));

        fan.OnDemand(Make.Demand(0, 2, peer: first.Epoch), Make.Start, out _);
        producer.OnFrame(Make.Frame(0, 0, 1, 2), Make.Start, out _);
        fan.Feed(Make.Start);
        var late = fan.Subscribe("other", isNamed: true, null, StreamStart.Latest, Other, Make.Elsewhere, long.MaxValue, Make.Start);
        Assert.Equal([new WriterPosition(1, 2)], fan.StartOf(late));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Subscribed_InLifetimesThatDidNotKnowOfEachOther_HaveDifferentEpochs()
    {
        var (one, two) = (EpochsIn(Make.Key), EpochsIn(Make.Key.Next(now: Make.Key.Incarnation + TimeSpan.TicksPerSecond)));
        Assert.Empty(one.Intersect(two));

        static long[] EpochsIn(StreamKey stream)
        {
            var producer = new ProducerCore<int>(stream, 8, TimeSpan.FromMinutes(5), Make.Timings, Make.Start);
            var fan = new FanOut<int>(producer, StreamDelivery.Broadcast, StreamSlowConsumer.Wait, Make.Timings);
            return [.. Enumerable.Range(0, 10_000).Select(_ => fan.Subscribe("one", isNamed: true, null, StreamStart.Latest, One, Make.Elsewhere, long.MaxValue, Make.Start).Epoch)];
        }
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_AllHaveTheEndAndNotFinished_TheWriterIsNotToldThatAllIsWell()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        Report(fan, Reader(1, "one", received: 3, finished: 1, StreamEnd.Completed, At(1, 3)), One);
        _producer.Report(Writer(put: 3, confirmed: 1), Make.Elsewhere, Make.Start);
        Open(fan);

        Assert.True(_producer.TryTakeDemandFor(1, out var told));
        Assert.Equal((1, 1), (told.Received, told.Confirmed));   // it gives the rest again, in case that its reader is lost now
        Assert.Null(told.End);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_ALateOneLacksWhatIsGone_IsToldSo()
    {
        var fan = Fan(StreamDelivery.Broadcast, StreamSlowConsumer.Disconnect);
        Report(fan, Reader(1, "one", received: 3, finished: 3, null, At(1, 3)), One);
        Report(fan, Reader(2, "other", received: 0, finished: 0, null), Other);
        _producer.Report(Writer(put: 5, confirmed: 2), Make.Elsewhere, Make.Start);
        Open(fan);

        Assert.NotNull(fan.Find("one"));
        Assert.Null(fan.Find("other"));
        Assert.Equal(StreamEndReason.Abandoned, fan.AnswerStale(new Demand(Next, 2, 0, 0, 4)).Reason);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_ItsReaderIsLostTwice_TheNextOneGetsAllThatIsNotFinished()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        Report(fan, Reader(1, "one", received: 3, finished: 1, null, At(1, 3)), One);
        _producer.Report(Writer(put: 5, confirmed: 1), Make.Elsewhere, Make.Start);
        Open(fan);
        Put(1, 1, 2, 3, 4);
        fan.Feed(Make.At(60));

        Assert.Equal([1, 2, 3, 4], NextReader(fan, 2));
        Assert.Equal([1, 2, 3, 4], NextReader(fan, 3));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_SentAwayAndNotHeardOfIt_IsStillSentAway()
    {
        var fan = Fan(StreamDelivery.Broadcast, StreamSlowConsumer.Disconnect);
        var entry = new SubscriptionEntry("other", true, true, 2, Other, [], IsOvertaken: false, IsDismissed: true);
        var roster = new Roster(1, 9, [new RosterEntry(1, -1, StreamEndReason.None)], null, true, true, 2, 16, TimeSpan.FromMinutes(5), [],
            Fan: new FanRoster(StreamDelivery.Broadcast, StreamSlowConsumer.Disconnect, [entry]));
        Report(fan, Reader(1, "one", received: 2, finished: 2, null, At(1, 2)) with { Roster = roster }, One);
        Report(fan, Reader(2, "other", received: 2, finished: 2, null, At(1, 2)), Other);
        _producer.Report(Writer(put: 2, confirmed: 2), Make.Elsewhere, Make.Start);
        Open(fan);

        Assert.True(fan.TryTakeFrame(fan.Find("other")!, 16, long.MaxValue, Make.At(60), out var frame));
        Assert.Equal((2, StreamEndReason.Abandoned), (frame.EndAt, frame.End?.Reason));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_AllIsFinishedButWhatALostOneHeld_DoesNotEndWell()
    {
        // Its elements count as finished for the writer, which is gone, as others were far ahead.
        var roster = Knowing("one", "lost");
        var held = roster.Fan!.Subscriptions[1] with { IsOvertaken = true };
        roster = roster with { Writers = [new RosterEntry(1, 3, StreamEndReason.Completed, Finished: 3)], Fan = roster.Fan with { Subscriptions = [roster.Fan.Subscriptions[0], held] } };
        var fan = Fan(StreamDelivery.Balanced);
        Report(fan, Reader(1, "one", received: 2, finished: 2, null, At(1, 3)) with { Roster = roster }, One);
        Open(fan);

        Assert.Equal(StreamEndReason.Abandoned, _producer.End?.Reason);
    }

    [Theory, Trait("Rule", "P-19")]
    [InlineData(true), InlineData(false)]
    public void Balanced_AGrainsHandlerIsLostWithTheProducer_ItsNameIsKnown_AndWhatItHeldIsNotForgotten(bool isRead)
    {
        var roster = Knowing("one", "handler");
        var entry = roster.Fan!.Subscriptions[1] with { IsRead = isRead, IsOvertaken = isRead };
        roster = roster with { Fan = roster.Fan with { Subscriptions = [roster.Fan.Subscriptions[0], entry] } };
        var fan = new FanOut<int>(_producer, StreamDelivery.Balanced, StreamSlowConsumer.Wait, Make.Timings, isHandler: static name => name == "handler");
        Report(fan, Reader(1, "one", received: 2, finished: 2, null, At(1, 2)) with { Roster = roster }, One);
        _producer.Report(Writer(put: 3, confirmed: 2) with { End = StreamEnd.Completed, JoinedAt = new RosterMark(1, 2) }, Make.Elsewhere, Make.Start);
        Open(fan);
        Put(2, 2);
        _producer.OnFrame(new Frame<int>(Next, 1, [], 3, StreamEnd.Completed, Number: 2), Make.At(60), out _);

        Assert.Equal(["one", "handler"], fan.Subscriptions.Select(one => one.Consumer));
        Assert.Equal(isRead ? StreamEndReason.Abandoned : StreamEndReason.Completed, _producer.End?.Reason);
        Assert.Equal([2], NextReader(fan, 3, "handler"));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_AGrainsHandlerComesLate_GivesWayToIt()
    {
        var fan = new FanOut<int>(_producer, StreamDelivery.Balanced, StreamSlowConsumer.Wait, Make.Timings, isHandler: static name => name == "handler");
        Report(fan, Reader(1, "one", received: 0, finished: 0, null) with { Roster = Knowing("one", "handler") }, One);
        Open(fan);
        var late = Reader(2, "handler", received: 0, finished: 0, null) with { Delivery = StreamDelivery.Balanced };
        Assert.False(fan.Report(late, long.MaxValue, Make.Elsewhere, Other, Make.At(60)));
        Assert.True(fan.TryYieldTo(late, Other, Make.At(60)));
        Assert.Contains(_producer.Roster!.Fan!.Subscriptions, entry => entry is { Consumer: "handler", IsRead: true });
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_OneHasTheEndAndAnotherIsLost_EndsAsItHad()
    {
        var fan = Fan(StreamDelivery.Balanced);
        Report(fan, Reader(1, "one", received: 2, finished: 2, StreamEnd.Completed, At(1, 3)) with { Roster = Knowing("one", "lost") }, One);
        _producer.Report(Writer(put: 3, confirmed: 1) with { End = StreamEnd.Completed, JoinedAt = new RosterMark(1, 2) }, Make.Elsewhere, Make.Start);
        Open(fan);
        fan.OnDemand(new Demand(Next, 1, 3, 3, 3), Make.At(60), out _);

        Assert.Equal(StreamEndReason.Completed, _producer.End?.Reason);
        Assert.True(_producer.TryTakeDemandFor(1, out var told));
        Assert.Equal((4, 4), (told.Received, told.Confirmed));   // it was told of the end only because all was finished
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_AWriterIsToldThatAllIsFinished_OnceAnotherKnowsIt()
    {
        var producer = Make.Producer();
        var fan = new FanOut<int>(producer, StreamDelivery.Balanced, StreamSlowConsumer.Wait, Make.Timings);
        producer.Attach(Make.Start, Make.Elsewhere);
        producer.Attach(Make.Start, Make.Elsewhere);
        var one = fan.Subscribe("one", isNamed: true, null, StreamStart.Latest, One, new Guid(9, 0, 0, new byte[8]), long.MaxValue, Make.Start);
        fan.OnDemand(Make.Demand(0, 4, peer: one.Epoch) with { RosterSeen = producer.RosterVersion }, Make.Start, out _);
        producer.OnFrame(new Frame<int>(Make.Key, 1, [Make.Batch(0, 7)], 1, StreamEnd.Completed), Make.Start, out _);
        fan.Feed(Make.Start);
        Assert.True(fan.TryTakeFrame(one, 16, long.MaxValue, Make.Start, out _));
        Hear(seen: producer.RosterVersion);
        Assert.True(producer.TryTakeDemandFor(1, out var told));
        Assert.NotEqual(2, told.Confirmed);

        Hear(seen: producer.RosterVersion);
        Assert.True(producer.TryTakeDemandFor(1, out told));
        Assert.Equal((2, 2), (told.Received, told.Confirmed));

        void Hear(long seen)
        {
            fan.OnDemand(Make.Demand(1, 4, peer: one.Epoch) with { RosterSeen = seen }, Make.Start, out _);
            fan.Feed(Make.Start);
        }
    }

    [Fact, Trait("Rule", "P-15")]
    public void TwoConsumersThatHaveJustJoined_DoNotVouchForEachOtherOrForWriters()
    {
        var producer = Make.Producer();
        var fan = new FanOut<int>(producer, StreamDelivery.Balanced, StreamSlowConsumer.Wait, Make.Timings);
        producer.Attach(Make.Start, Process(1));
        Assert.Equal(Verdict.Accepted, producer.OnFrame(Make.Frame(0, 7), Make.Start, out _));   // it is there
        var one = fan.Subscribe("one", isNamed: false, null, StreamStart.Latest, One, Process(2), long.MaxValue, Make.Start);
        var other = fan.Subscribe("other", isNamed: false, null, StreamStart.Latest, Other, Process(3), long.MaxValue, Make.Start);
        long late = producer.Attach(Make.Start, Process(4));
        long version = producer.RosterVersion;
        foreach (var consumer in (Subscription<int>[])[one, other])
        {
            fan.OnDemand(Make.Demand(0, 4, peer: consumer.Epoch) with { RosterSeen = version }, Make.Start, out _);
        }

        Assert.False(fan.IsKept(version, one.Epoch));
        Assert.False(fan.IsKept(version, other.Epoch));
        Assert.False(producer.IsKept(version, late));

        producer.OnFrame(new Frame<int>(Make.Key, 1, [], RosterSeen: version), Make.Start, out _);
        fan.Feed(Make.Start);
        Assert.True(fan.IsKept(version, one.Epoch));
        Assert.True(fan.IsKept(version, other.Epoch));
    }

    [Fact, Trait("Rule", "P-19")]
    public void GivingWayToALateReader_ItsEndsTakeAlongThatReadersName()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        Report(fan, Reader(1, "one", received: 0, finished: 0, null), One);
        _producer.Report(Writer(put: 0, confirmed: 0), Make.Elsewhere, Make.Start);
        Open(fan);
        var late = Reader(2, "late", received: 0, finished: 0, null);
        Assert.False(fan.Report(late, long.MaxValue, Make.Elsewhere, Other, Make.At(61)));

        // Else the next lifetime could open with the one of them, and give way to the other one in turn.
        Assert.True(fan.TryYieldTo(late, Other, Make.At(61)));
        Assert.Equal([("one", true, 1), ("late", true, 2)], _producer.LastRoster(Make.At(61))!.Fan!.Subscriptions.Select(one => (one.Consumer, one.IsRead, one.Epoch)));
    }

    [Fact, Trait("Rule", "P-19")]
    public void GivingWayToALateReader_ItsEndsTakeAlongWhomThatOneHadNamed()
    {
        var fan = Fan(StreamDelivery.Balanced);
        Report(fan, Reader(1, "one", received: 0, finished: 0, null), One);
        _producer.Report(Writer(put: 0, confirmed: 0), Make.Elsewhere, Make.Start);
        Open(fan);
        var late = Reader(2, "late", received: 0, finished: 0, null) with { Roster = Knowing("one", "late", "third") };
        Assert.False(fan.Report(late, long.MaxValue, Make.Elsewhere, Other, Make.At(61)));

        // This roster stands for the late one's from now on.
        Assert.True(fan.TryYieldTo(late, Other, Make.At(61)));
        var roster = _producer.LastRoster(Make.At(61))!;
        Assert.True(roster.Covers(late.Roster.Mark));
        Assert.Equal(["one", "late", "third"], roster.Fan!.Subscriptions.Select(one => one.Consumer));
    }

    [Fact, Trait("Rule", "P-19")]
    public void GivingWayToALateReader_ItsEndsTakeAlongWhoseElementsAreLost()
    {
        var fan = Fan(StreamDelivery.Balanced);
        Report(fan, Reader(1, "one", received: 0, finished: 0, null), One);
        _producer.Report(Writer(put: 0, confirmed: 0), Make.Elsewhere, Make.Start);
        Open(fan);
        var named = Knowing("one", "late", "third");
        named = named with { Fan = named.Fan! with { Subscriptions = [.. named.Fan.Subscriptions[..2], named.Fan.Subscriptions[2] with { IsOvertaken = true, IsDismissed = true }] } };
        var late = Reader(2, "late", received: 0, finished: 0, null) with { Roster = named };

        Assert.False(fan.Report(late, long.MaxValue, Make.Elsewhere, Other, Make.At(61)));
        Assert.True(_producer.Roster!.Covers(named.Mark));
        Assert.Contains(_producer.Roster.Fan!.Subscriptions, IsLost);
        Assert.True(fan.TryYieldTo(late, Other, Make.At(61)));
        Assert.Single(_producer.Roster.Fan!.Subscriptions, IsLost);

        static bool IsLost(SubscriptionEntry entry) => entry is { Consumer: "third", IsOvertaken: true, IsDismissed: true };
    }

    [Fact, Trait("Rule", "P-15")]
    public void LostWhileItIsBeingRebuilt_TellsNobodyARosterThatIsNotItsOwn()
    {
        // Of those it has, the newest may not know whom the others do; each end is to go on with what it carries.
        _producer.Report(Writer(put: 0, confirmed: 0) with { Roster = Knowing("one") }, Make.Elsewhere, Make.Start);
        var fan = Fan(StreamDelivery.Balanced);
        Assert.True(_producer.IsRebuilding);
        Assert.Null(_producer.LastRoster(Make.At(1)));
        Assert.NotNull(fan);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_PacedByTheFastest_OneThatComesAfterTheEnd_IsGivenTheRest()
    {
        var fan = Fan(StreamDelivery.Broadcast, StreamSlowConsumer.DropOldest);
        Report(fan, Reader(1, "one", received: 0, finished: 0, null) with { Roster = Knowing("one", "late") }, One);
        _producer.Report(Writer(put: 3, confirmed: 0), Make.Elsewhere, Make.Start);
        Open(fan);
        fan.OnDemand(new Demand(Next, 1, 0, 0, 8), Make.At(60), out _);
        _producer.OnFrame(new Frame<int>(Next, 1, [new Batch<int>(0, 1, 0, new[] { 5, 6, 7 })], 3, StreamEnd.Completed, Number: 1), Make.At(60), out _);
        fan.Feed(Make.At(60));

        Assert.True(fan.Report(Reader(2, "late", received: 1, finished: 1, null, At(1, 1)), long.MaxValue, Make.Elsewhere, Other, Make.At(61)));
        fan.OnDemand(new Demand(Next, 2, 1, 1, 8), Make.At(61), out _);
        Assert.True(fan.TryTakeFrame(fan.Find("late")!, 16, long.MaxValue, Make.At(61), out var frame));
        Assert.Equal([6, 7], Make.Elements(frame));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_ALateOneLacksElementsOfAWriterThatHasGone_IsToldSo()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        Report(fan, Reader(1, "one", received: 3, finished: 3, null, At(2, 3)) with { Roster = Knowing("one") }, One);
        _producer.Report(Writer(put: 0, confirmed: 0), Make.Elsewhere, Make.Start);
        _producer.Report(Writer(put: 3, confirmed: 3) with { Writer = 2, End = StreamEnd.Completed }, Make.Elsewhere, Make.Start);
        Open(fan);
        _producer.OnFrame(new Frame<int>(Next, 2, [], Leaving: true), Make.At(60), out _);
        Assert.False(_producer.Knows(2));
        var older = Knowing("one", "late") with { Incarnation = -1, Writers = [new RosterEntry(1, -1, StreamEndReason.None), new RosterEntry(2, -1, StreamEndReason.None)] };
        var late = Reader(2, "late", received: 1, finished: 1, null, At(2, 1)) with { Roster = older };

        Assert.False(fan.Report(late, long.MaxValue, Make.Elsewhere, Other, Make.At(61)));
        Assert.False(fan.TryYieldTo(late, Other, Make.At(61)));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_OneThatHasNotComeIsBehindTheOthersOfAnotherHalf_TheWritersGoOnFromWhereItWas()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var here = Knowing("one") with { Writers = [new RosterEntry(1, -1, StreamEndReason.None, Finished: 2)] };
        var there = Knowing("lost") with { Incarnation = -1, Writers = [new RosterEntry(1, -1, StreamEndReason.None, Finished: 0)] };
        Report(fan, Reader(1, "one", received: 2, finished: 2, null, At(1, 2)) with { Roster = here }, One);
        _producer.Report(Writer(put: 3, confirmed: 0) with { Roster = there }, Make.Elsewhere, Make.Start);
        Open(fan);

        Assert.True(_producer.TryTakeDemandFor(1, out var told));
        Assert.Equal((0, 0), (told.Received, told.Confirmed));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_OneLeavesWhatTheWritersNoLongerHave_DoesNotEndWell()
    {
        var fan = Fan(StreamDelivery.Balanced);
        Report(fan, Reader(1, "one", received: 3, finished: 1, null, At(1, 3)) with { Roster = Knowing("one", "other") }, One);
        Report(fan, Reader(2, "other", received: 0, finished: 0, null), Other);
        _producer.Report(Writer(put: 3, confirmed: 3) with { End = StreamEnd.Completed }, Make.Elsewhere, Make.Start);
        Open(fan);
        Assert.NotEqual(StreamEndReason.Abandoned, _producer.End?.Reason);

        fan.OnDemand(new Demand(Next, 1, 3, 2, 3, Leave: Leave.Detach), Make.At(60), out _);
        Assert.Equal(StreamEndReason.Abandoned, _producer.End?.Reason);
        Assert.True(fan.TryTakeFrame(fan.Find("other")!, 16, long.MaxValue, Make.At(60), out var last));
        Assert.Equal(StreamEndReason.Abandoned, last.End?.Reason);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_OneThatComesLateNamesALostOneThatHeldElements_DoesNotEndWell()
    {
        var fan = Fan(StreamDelivery.Balanced);
        Report(fan, Reader(1, "one", received: 0, finished: 0, null) with { Roster = Knowing("one") }, One);
        _producer.Report(Writer(put: 0, confirmed: 0), Make.Elsewhere, Make.Start);
        fan.Settle(Make.Start);
        Assert.False(_producer.IsRebuilding);

        var newer = Knowing("one", "lost");
        newer = newer with { Version = newer.Version + 1, Fan = newer.Fan! with { Subscriptions = [newer.Fan.Subscriptions[0], newer.Fan.Subscriptions[1] with { IsOvertaken = true }] } };
        fan.Report(Reader(3, "late", received: 0, finished: 0, null) with { Roster = newer }, long.MaxValue, Make.Elsewhere, Other, Make.At(1));
        _producer.OnFrame(new Frame<int>(Next, 1, [], 0, StreamEnd.Completed, Number: 1), Make.At(1), out _);
        _producer.OnTick(Make.At(60));
        Assert.Equal(StreamEndReason.Abandoned, _producer.End?.Reason);
    }

    private static Guid Process(int number) => new(number, 1, 0, new byte[8]);

    private static WriterPosition At(long writer, long next) => new(writer, next);

    private FanOut<int> Fan(StreamDelivery delivery, StreamSlowConsumer slow = StreamSlowConsumer.Wait) => new(_producer, delivery, slow, Make.Timings);

    private static void Report(FanOut<int> fan, ReaderReport report, Guid reader) =>
        Assert.True(fan.Report(report with { Delivery = fan.Delivery }, long.MaxValue, Make.Elsewhere, reader, Make.Start));

    private static ReaderReport Reader(long epoch, string consumer, long received, long finished, StreamEnd? end, params WriterPosition[] positions) =>
        new(Make.Key, epoch, consumer, true, received, finished, finished < received ? [new Run(finished, received - finished, 1, finished)] : [], positions, end, null);

    private static WriterReport Writer(long put, long confirmed) => new(Make.Key, 1, confirmed, put, put, null, null);

    private static Roster Knowing(params string[] consumers) => new(1, 9, [new RosterEntry(1, -1, StreamEndReason.None)], null, true, true, 2, 16, TimeSpan.FromMinutes(5), [],
        Fan: new FanRoster(StreamDelivery.Balanced, StreamSlowConsumer.Wait, [.. consumers.Select((name, at) => new SubscriptionEntry(name, true, true, at + 1, default, [], IsOvertaken: false, IsDismissed: false))]));

    private void Open(FanOut<int> fan)
    {
        fan.Settle(Make.At(60));
        _producer.OnTick(Make.At(60));
        fan.Settle(Make.At(60));
        Assert.False(_producer.IsRebuilding);
    }

    private void Put(long first, params int[] elements) =>
        Assert.Equal(Verdict.Accepted, _producer.OnFrame(new Frame<int>(Next, 1, [new Batch<int>(first, 1, first, elements)], Number: 1), Make.At(60), out _));

    /// <summary>The reader dies; what does the next one get?</summary>
    private static int[] NextReader(FanOut<int> fan, int id, string consumer = "one")
    {
        var one = fan.Subscribe(consumer, isNamed: true, null, StreamStart.Latest, new Guid(id + 10, 0, 0, new byte[8]), Make.Elsewhere, long.MaxValue, Make.At(60));
        long from = one.Leg.Out.Confirmed;
        fan.OnDemand(new Demand(Next, one.Epoch, from, from, from + 16), Make.At(60), out _);
        var sent = new List<int>();
        while (fan.TryTakeFrame(one, 1024, long.MaxValue, Make.At(60), out var frame)) sent.AddRange(Make.Elements(frame));
        return [.. sent];
    }
}
