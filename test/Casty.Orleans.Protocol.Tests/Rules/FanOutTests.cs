namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>Several consumers, who are the producer's one reader.</summary>
public sealed class FanOutTests
{
    private readonly ProducerCore<int> _producer = Make.Producer(bufferSize: 8);
    private long _writer;

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_GivesNobodyWhatNotAllHaveAskedFor()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var (one, other) = (Join(fan, "one", 4), Join(fan, "other", 2));
        Put(fan, 0, 1, 2, 3, 4);

        Assert.Equal([0, 1], Sent(fan, one));
        Assert.Equal([0, 1], Sent(fan, other));
        Assert.Equal(Verdict.Accepted, Say(fan, other, received: 2, limit: 3));
        Assert.Equal([2], Sent(fan, one));
        Assert.Equal([2], Sent(fan, other));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_WritersHearOfWhatAllHaveFinished()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var (one, other) = (Join(fan, "one", 4), Join(fan, "other", 4));
        Put(fan, 0, 1, 2, 3);
        Sent(fan, one);
        Sent(fan, other);

        Say(fan, one, received: 4, limit: 8);
        Assert.Equal(0, _producer.Confirmed);
        Say(fan, other, received: 3, limit: 8);
        Assert.Equal(3, _producer.Confirmed);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_OneThatAsksForLess_TakesBackWhatWasAskedFor()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var one = Join(fan, "one", 64);
        Assert.Equal(64, _producer.Requested);
        var other = Join(fan, "other", 2);
        Assert.Equal(2, _producer.Requested);

        Put(fan, 0, 1, 2);
        Assert.Equal([0, 1], Sent(fan, one));
        Assert.Equal([0, 1], Sent(fan, other));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_DropOldest_CountsWhatASlowOneMisses()
    {
        var fan = Fan(StreamDelivery.Broadcast, StreamSlowConsumer.DropOldest);
        var (fast, slow) = (Join(fan, "fast", 64), Join(fan, "slow", 1));
        Put(fan, [.. Enumerable.Range(0, 20)]);

        Assert.Equal(Enumerable.Range(0, 20), Sent(fan, fast));
        Assert.Equal([0], Sent(fan, slow));
        Assert.Equal(11, slow.Dropped);
        Say(fan, slow, received: 1, limit: 64);
        Assert.Equal(Enumerable.Range(12, 8), Sent(fan, slow));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_Detached_HoldsUpTheOthers_UntilItsTimeoutIsOver()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var (one, other) = (Join(fan, "one", 8), Join(fan, "other", 8));
        Put(fan, 0, 1);
        Sent(fan, other);
        Assert.Equal(Verdict.Accepted, fan.OnDemand(Make.Demand(1, 8, peer: other.Epoch) with { Leave = Leave.Detach }, Make.Start, out _));
        Assert.Equal([0, 1], Sent(fan, one));
        Put(fan, 2);
        Assert.Empty(Sent(fan, one));

        // It resumes exactly.
        other = Join(fan, "other", 8);
        Assert.Equal([1, 2], Sent(fan, other));
        Assert.Equal([2], Sent(fan, one));

        fan.OnDemand(Make.Demand(other.Leg.Out.Received, 8, peer: other.Epoch) with { Leave = Leave.Detach }, Make.Start, out _);
        Put(fan, 3);
        Say(fan, one, received: 3, limit: 16);
        Assert.Empty(Sent(fan, one));
        fan.OnDemand(Make.Demand(3, 16, peer: one.Epoch), Make.At(300), out _);
        fan.OnTick(Make.At(301), _ => { });
        Assert.Equal([3], Sent(fan, one));
    }

    [Theory, Trait("Rule", "P-19")]
    [InlineData(true), InlineData(false)]
    public void Broadcast_ANamedOneThatDidNotComeAfterAll_KeepsThePlaceThatItsNameHad(bool isRebuilt)
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var (one, audit) = (Join(fan, "one", 8), Join(fan, "audit", 8));
        Put(fan, 0, 1);
        Sent(fan, one);
        if (isRebuilt) Sent(fan, audit);   // and finished nothing
        fan.OnDemand(Make.Demand(0, 8, peer: audit.Epoch) with { Leave = Leave.Detach }, Make.Start, out _);

        var joining = fan.Subscribe("audit", isNamed: true, null, StreamStart.Latest, Make.Elsewhere, Guid.Empty, long.MaxValue, Make.Start);
        fan.Unsubscribe(joining, Make.Start);
        Say(fan, one, received: 2, limit: 16);
        Put(fan, 2);
        Assert.Equal([0, 1, 2], Sent(fan, Join(fan, "audit", 8)));
    }

    [Fact, Trait("Rule", "P-19")]
    public void ANewOneThatDidNotComeAfterAll_LeavesNoPlaceBehind()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        Join(fan, "one", 8);
        fan.Unsubscribe(fan.Subscribe("new", isNamed: true, null, StreamStart.Latest, Make.Elsewhere, Guid.Empty, long.MaxValue, Make.Start), Make.Start);
        Assert.Null(fan.Find("new"));
    }

    [Fact, Trait("Rule", "P-19")]
    public void SubscriptionTimeout_CountsFromWhenTheLastOneRead_NotFromWhenAnotherLostItsPlace()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var (away, other) = (Join(fan, "away", 8), fan.Subscribe("other", isNamed: false, null, StreamStart.Latest, Make.Elsewhere, Guid.Empty, long.MaxValue, Make.Start));
        fan.OnDemand(Make.Demand(0, 8, peer: away.Epoch) with { Leave = Leave.Detach }, Make.Start, out _);
        for (int second = 90; second < 299; second += 90) fan.OnDemand(Make.Demand(0, 8, peer: other.Epoch), Make.At(second), out _);
        fan.OnDemand(Make.Demand(0, 8, peer: other.Epoch) with { Leave = Leave.Cancel }, Make.At(299), out _);

        Tick(300);
        Assert.Null(fan.Find("away"));
        Tick(598);
        Assert.False(_producer.IsOver);
        Assert.Equal(Make.At(599), _producer.UnreadDeadline);
        Tick(599);
        Assert.True(_producer.IsOver);

        void Tick(int second)
        {
            _producer.OnFrame(new Frame<int>(Make.Key, _writer, [], Number: second), Make.At(second), out _);   // the writer lives
            fan.OnTick(Make.At(second), static _ => { });
            _producer.OnTick(Make.At(second));
        }
    }

    [Theory, Trait("Rule", "P-19")]
    [InlineData(StreamDelivery.Broadcast), InlineData(StreamDelivery.Balanced)]
    public void AGrainsHandlerThatFailsTheStream_FailsItForAll_AndAnotherConsumerItselfAlone(StreamDelivery delivery)
    {
        var fan = Handled(delivery);
        var (handler, one, other) = (Join(fan, "handler", 4), Join(fan, "one", 4), Join(fan, "other", 4));
        var failure = new StreamEnd(StreamEndReason.Failed, "It failed.");
        fan.OnDemand(Make.Demand(0, 4, peer: one.Epoch) with { Leave = Leave.Cancel, End = failure }, Make.Start, out _);
        Assert.False(_producer.IsOver);

        fan.OnDemand(Make.Demand(0, 4, peer: handler.Epoch) with { Leave = Leave.Cancel, End = failure }, Make.Start, out _);
        Assert.Equal((true, failure), (_producer.IsOver, _producer.End));
        Assert.True(fan.TryTakeFrame(other, 16, long.MaxValue, Make.Start, out var frame));
        Assert.Equal(failure, frame.End);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_AGrainsHandlerThatIsAway_KeepsItsNameAndNothingElse()
    {
        var fan = Handled(StreamDelivery.Balanced);
        var (handler, other) = (Join(fan, "handler", 2), Join(fan, "other", 4));
        Put(fan, 0, 1, 2, 3);
        int[] held = Sent(fan, handler), others = Sent(fan, other);
        fan.OnDemand(Make.Demand(0, 2, peer: handler.Epoch) with { Leave = Leave.Detach }, Make.Start, out _);
        Say(fan, other, received: others.Length, limit: 8);
        Assert.Equal(held, Sent(fan, other));
        Assert.Equal(["handler", "other"], fan.Subscriptions.Select(one => one.Consumer));
        Assert.Contains(_producer.Roster!.Fan!.Subscriptions, entry => entry is { Consumer: "handler", IsRead: false, IsOvertaken: false, Positions: [] });

        fan.OnDemand(Make.Demand(4, 8, peer: other.Epoch) with { Leave = Leave.Cancel }, Make.Start, out _);
        Assert.False(_producer.IsReaderAttached);   // nobody reads: the subscription timeout runs
        Put(fan, 4);
        Assert.Equal([4], Sent(fan, Join(fan, "handler", 2)));
        Assert.True(_producer.IsReaderAttached);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_AGrainsHandlerThatStaysAway_IsForgottenAfterTheSubscriptionTimeout()
    {
        var fan = Handled(StreamDelivery.Balanced);
        var (handler, other) = (Join(fan, "handler", 2), Join(fan, "other", 4));
        fan.OnDemand(Make.Demand(0, 2, peer: handler.Epoch) with { Leave = Leave.Detach }, Make.Start, out _);
        fan.OnDemand(Make.Demand(0, 4, peer: other.Epoch), Make.At(299), out _);
        Assert.Equal(Make.At(300), Make.At(0) + _producer.SubscriptionTimeout);
        fan.OnTick(Make.At(300), static _ => { });
        Assert.Null(fan.Find("handler"));
        Assert.False(_producer.IsOver);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_SharesAmongThoseWhoHaveAsked_AndNothingElseLeaves()
    {
        var fan = Fan(StreamDelivery.Balanced);
        var (one, other) = (Join(fan, "one", 1), Join(fan, "other", 3));
        Put(fan, 0, 1, 2, 3, 4, 5);

        int[] first = Sent(fan, one), second = Sent(fan, other);
        Assert.Single(first);
        Assert.Equal(3, second.Length);
        Assert.Equal([0, 1, 2, 3], first.Concat(second).Order());
        Assert.Equal(2, _producer.Next - _producer.Sent);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_WhatOneHadNotFinished_GoesToAnotherFirst()
    {
        var fan = Fan(StreamDelivery.Balanced);
        var one = Join(fan, "one", 4);
        Put(fan, 0, 1, 2, 3, 4);
        Assert.Equal([0, 1, 2, 3], Sent(fan, one));
        var other = Join(fan, "other", 8);
        Assert.Equal([4], Sent(fan, other));

        fan.OnDemand(Make.Demand(2, 4, peer: one.Epoch) with { Leave = Leave.Cancel }, Make.Start, out _);
        Assert.Equal([2, 3], Sent(fan, other));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_EndsWhenAllIsFinished_AndNotBefore()
    {
        var fan = Fan(StreamDelivery.Balanced);
        var (one, other) = (Join(fan, "one", 1), Join(fan, "other", 1));
        Put(fan, 0, 1);
        Sent(fan, one);
        Sent(fan, other);
        _producer.OnFrame(Make.End(2, StreamEnd.Completed, _writer), Make.Start, out _);
        fan.Feed(Make.Start);

        Say(fan, one, received: 1, limit: 2);
        Assert.False(fan.TryTakeFrame(one, 16, long.MaxValue, Make.Start, out _));
        Say(fan, other, received: 1, limit: 2);
        foreach (var consumer in new[] { one, other })
        {
            Assert.True(fan.TryTakeFrame(consumer, 16, long.MaxValue, Make.Start, out var frame));
            Assert.Equal(StreamEnd.Completed, frame.End);
            Say(fan, consumer, received: 2, limit: 2);
        }

        Assert.True(_producer.IsOver);
    }

    [Fact, Trait("Rule", "P-19")]
    public void LastOneLeaves_TheStreamWaitsForOthers_WhoGetWhatIsNotFinished()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var one = Join(fan, "one", 4);
        Put(fan, 0, 1, 2, 3, 4);
        Sent(fan, one);
        fan.OnDemand(Make.Demand(3, 4, peer: one.Epoch) with { Leave = Leave.Cancel }, Make.Start, out _);
        Assert.False(_producer.IsOver);
        Assert.False(_producer.IsReaderAttached);

        var other = Join(fan, "other", 8);
        Assert.Equal([3, 4], Sent(fan, other));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_OneWasSentAway_AnEarlyStartHasNoGap()
    {
        var fan = Fan(StreamDelivery.Broadcast, StreamSlowConsumer.Disconnect);
        var (fast, slow) = (Join(fan, "fast", 64), Join(fan, "slow", 1));
        Put(fan, [.. Enumerable.Range(0, 16)]);
        Assert.NotNull(slow.Dismissal);
        Put(fan, 16, 17);
        Assert.Equal(18, Sent(fan, fast).Length);
        Say(fan, fast, received: 17, limit: 64);

        var late = fan.Subscribe("late", isNamed: true, null, StreamStart.Earliest, new Guid(9, 0, 0, new byte[8]), Guid.Empty, long.MaxValue, Make.Start);
        fan.OnDemand(Make.Demand(0, 64, peer: late.Epoch), Make.Start, out _);
        Put(fan, 18);
        Assert.Equal([17, 18], Sent(fan, late));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Broadcast_OnlyThoseSentAwayAreLeft_WhatComesWaitsForOthers()
    {
        var fan = Fan(StreamDelivery.Broadcast, StreamSlowConsumer.Disconnect);
        var (fast, slow) = (Join(fan, "fast", 64), Join(fan, "slow", 1));
        Put(fan, [.. Enumerable.Range(0, 16)]);
        Assert.NotNull(slow.Dismissal);
        Assert.Equal(16, Sent(fan, fast).Length);
        fan.OnDemand(Make.Demand(16, 64, peer: fast.Epoch) with { Leave = Leave.Cancel }, Make.Start, out _);
        Put(fan, 16, 17);
        Assert.False(_producer.IsReaderAttached);

        Assert.Equal([16, 17], Sent(fan, Join(fan, "other", 8)));
    }

    [Fact, Trait("Rule", "P-19")]
    public void AConsumerThatBreaksTheProtocol_EndsItselfAlone()
    {
        var fan = Fan(StreamDelivery.Broadcast);
        var (one, other) = (Join(fan, "one", 4), Join(fan, "other", 4));
        Assert.Equal(Verdict.Violation, Say(fan, other, received: 9, limit: 9));
        Put(fan, 0);
        Assert.Equal([0], Sent(fan, one));
        Assert.Equal(StreamEndReason.ProtocolViolation, fan.AnswerStale(Make.Demand(0, 0, peer: other.Epoch)).Reason);
    }

    [Fact, Trait("Rule", "P-19")]
    public void AVanishedConsumer_IsLetGoWithinTwoLeases()
    {
        var fan = Fan(StreamDelivery.Balanced);
        var one = Join(fan, "one", 4);
        Put(fan, 0, 1);
        Assert.Equal([0, 1], Sent(fan, one));
        var later = Make.Start + 2 * Make.Timings.Lease;
        var other = fan.Subscribe("other", isNamed: false, null, StreamStart.Latest, Make.Elsewhere, Guid.Empty, long.MaxValue, later);
        fan.OnDemand(Make.Demand(0, 4, peer: other.Epoch), later, out _);
        fan.OnTick(later, _ => { });
        Assert.Null(fan.Find("one"));
        Assert.Equal([0, 1], Sent(fan, other));
    }

    [Fact, Trait("Rule", "P-19")]
    public void Ranges_JoinAndAreTakenInTurn()
    {
        var ranges = new RangeSet();
        ranges.Add(5, 7);
        ranges.Add(1, 3);
        ranges.Add(9, 9);
        Assert.Equal(2, ranges.Count);
        ranges.Add(3, 5);
        Assert.Equal(1, ranges.Count);
        Assert.True(ranges.Contains(6, out long until));
        Assert.Equal(7, until);
        Assert.Equal(0, ranges.Advance(0, 9));
        Assert.Equal(6, ranges.Advance(1, 6));
        Assert.Equal(1, ranges.Count);
        Assert.Equal(7, ranges.Advance(6, 9));
        Assert.Equal(0, ranges.Count);
    }

    [Theory, Trait("Rule", "P-19")]
    [InlineData(false), InlineData(true)]
    public void Balanced_WhatAConsumerHoldsFarBehind_IsFinishedForTheWritersOnceItHasIt_OrIsNotHeardOf(bool isUnheard)
    {
        var (fan, slow, _) = Overtaken();
        Assert.Equal(10, _producer.Confirmed);   // its one element may be on its way: only the producer is known to have it

        if (isUnheard) fan.Feed(Make.At(4));
        else fan.OnDemand(Make.Demand(1, 1, confirmed: 0, peer: slow.Epoch), Make.At(1), out _);
        var entry = _producer.Roster!.Fan!.Subscriptions.Single(one => one.Consumer == "slow");
        Assert.Equal((true, isUnheard), (entry.IsOvertaken, entry.IsDismissed));

        Assert.Equal(10, _producer.Confirmed);   // the writer might be the one that is left to say what was lost, and does not know it yet
        Hear(_producer.RosterVersion);
        fan.Feed(Make.At(4));
        Assert.Equal(20, _producer.Confirmed);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_WhoShouldKnowWhatAConsumerHolds_AndDoesNotSaySo_IsNotWaitedFor()
    {
        var (fan, slow, _) = Overtaken();
        fan.OnDemand(Make.Demand(1, 1, confirmed: 0, peer: slow.Epoch), Make.Start, out _);
        Assert.Equal(10, _producer.Confirmed);
        Assert.True(fan.NextDeadline <= Make.Start + Make.Timings.Suspicion);

        fan.OnTick(Make.Start + Make.Timings.Suspicion, static _ => { });
        Assert.Equal(20, _producer.Confirmed);
    }

    [Fact, Trait("Rule", "P-19")]
    public void Balanced_WhatCameBackThatTheWritersNoLongerHave_WaitsForWhoeverComes()
    {
        var (fan, slow, fast) = Overtaken();
        fan.OnDemand(Make.Demand(1, 1, confirmed: 0, peer: slow.Epoch), Make.Start, out _);
        Hear(_producer.RosterVersion);
        fan.Feed(Make.Start);
        fan.OnDemand(Make.Demand(19, 64, peer: fast.Epoch) with { Leave = Leave.Detach }, Make.Start, out _);
        Assert.Equal((20, 20), (_producer.Confirmed, _producer.Next));
        fan.OnDemand(Make.Demand(1, 1, confirmed: 0, peer: slow.Epoch) with { Leave = Leave.Detach }, Make.Start, out _);

        // Were the producer lost now, nobody else could know.
        Assert.Contains(_producer.Roster!.Fan!.Subscriptions, entry => entry.IsDismissed);
        var next = Join(fan, "next", 4);
        Assert.Equal([10], Sent(fan, next));
        Assert.DoesNotContain(_producer.Roster!.Fan!.Subscriptions, entry => entry.IsDismissed && entry.Consumer != "next");
    }

    private (FanOut<int> Fan, Subscription<int> Slow, Subscription<int> Fast) Overtaken()
    {
        var fan = new FanOut<int>(_producer, StreamDelivery.Balanced, StreamSlowConsumer.Wait, Make.Timings, mostOvertaken: 1);
        _writer = _producer.Attach(Make.Start);
        var (slow, fast) = (Join(fan, "slow", 1), Join(fan, "fast", 64));
        Put(fan, [.. Enumerable.Range(0, 20)]);
        Sent(fan, slow);
        Sent(fan, fast);
        Say(fan, fast, received: 19, limit: 64);
        return (fan, slow, fast);
    }

    private void Hear(long rosterSeen) => _producer.OnFrame(new Frame<int>(Make.Key, _writer, [], Number: 100, RosterSeen: rosterSeen), Make.Start, out _);

    private FanOut<int> Fan(StreamDelivery delivery, StreamSlowConsumer slow = StreamSlowConsumer.Wait)
    {
        _writer = _producer.Attach(Make.Start);
        return new FanOut<int>(_producer, delivery, slow, Make.Timings);
    }

    private FanOut<int> Handled(StreamDelivery delivery)
    {
        _writer = _producer.Attach(Make.Start);
        return new FanOut<int>(_producer, delivery, StreamSlowConsumer.Wait, Make.Timings, isHandler: static name => name == "handler");
    }

    private static Subscription<int> Join(FanOut<int> fan, string name, long demand)
    {
        var one = fan.Subscribe(name, isNamed: true, null, StreamStart.Latest, Make.Elsewhere, Guid.Empty, long.MaxValue, Make.Start);
        fan.OnDemand(Make.Demand(one.Leg.Out.Confirmed, one.Leg.Out.Confirmed + demand, peer: one.Epoch), Make.Start, out _);
        return one;
    }

    private void Put(FanOut<int> fan, params int[] elements)
    {
        long first = _producer.Next;
        Assert.Equal(Verdict.Accepted, _producer.OnFrame(new Frame<int>(Make.Key, _writer, [new Batch<int>(first, _writer, first, elements)], Number: first + 1), Make.Start, out string? violation));
        Assert.Null(violation);
        fan.Feed(Make.Start);
    }

    private static Verdict Say(FanOut<int> fan, Subscription<int> one, long received, long limit) => fan.OnDemand(Make.Demand(received, limit, peer: one.Epoch), Make.Start, out _);

    private static int[] Sent(FanOut<int> fan, Subscription<int> one)
    {
        var sent = new List<int>();
        while (fan.TryTakeFrame(one, 1024, long.MaxValue, Make.Start, out var frame)) sent.AddRange(Make.Elements(frame));
        return [.. sent];
    }
}
