namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class CreditTests
{
    [Fact, Trait("Rule", "P-08")]
    public void Credit_IdleAtOneWriter_IsRecalledForAnotherThatStarves()
    {
        var line = new Line(bufferSize: 1, initialDemand: 1, writers: 3);
        Assert.Equal(2, line.Writers.Sum(writer => writer.Credit));
        var poor = line.Writers.Single(writer => writer.Credit == 0);

        poor.SetWaiting(1);
        line.Pump();

        Assert.Equal(1, poor.Credit);
        Assert.Equal(2, line.Writers.Sum(writer => writer.Credit));
    }

    [Fact, Trait("Rule", "P-08")]
    public void Credit_ForAWriterThatStillHasToAnswerARecall_DoesNotGoRoundMeanwhile()
    {
        var producer = Make.Producer(bufferSize: 2);
        producer.Attach(Make.Start);
        producer.Attach(Make.Start);
        var idle = new Frame<int>(Make.Key, 2, []);

        // The second wants some, so what the first has is recalled; but the first has used it, and wants more. The second gives up.
        producer.OnFrame(idle with { Wanted = 2, Number = 1 }, Make.Start, out _);
        producer.OnFrame(Make.Frame(0, 1, 2) with { Wanted = 4, Held = 2 }, Make.Start, out _);
        producer.OnFrame(idle with { Number = 2 }, Make.Start, out _);
        producer.Subscribe("consumer", true, null, Make.Start);
        producer.OnDemand(Make.Demand(0, 1), Make.Start, out _);

        // Whatever it is told, it answers. Nothing else happens: it must not be told for ever.
        long grants = 0;
        for (int i = 3; i < 20; i++)
        {
            Assert.True(producer.TryTakeDemandFor(2, out var told));
            grants = told.Grant;
            producer.OnFrame(idle with { Grant = told.Grant, Held = told.Limit, Number = i }, Make.Start, out _);
        }

        Assert.True(grants < 3, $"The second writer's credit was recalled {grants} times.");
    }

    [Fact, Trait("Rule", "P-08")]
    public void Credit_GivenToAWriterThatWantsIt_IsNotRecalledBeforeItWasUsed()
    {
        var producer = Make.Producer(bufferSize: 2);
        producer.Attach(Make.Start);
        producer.Attach(Make.Start);
        while (producer.TryTakeDemand(out _)) { }

        // The first has used all there is; then both want one more, and the reader makes room for one.
        var probes = new[] { new Frame<int>(Make.Key, 1, [], Wanted: 3, Held: 2), new Frame<int>(Make.Key, 2, [], Wanted: 1) };
        Assert.Equal(Verdict.Accepted, producer.OnFrame(Make.Frame(0, 1, 2) with { Wanted = 2, Held = 2 }, Make.Start, out _));
        foreach (var probe in probes) Assert.Equal(Verdict.Duplicate, producer.OnFrame(probe, Make.Start, out _));
        producer.Subscribe("consumer", true, null, Make.Start);
        producer.OnDemand(Make.Demand(0, 1), Make.Start, out _);
        for (int i = 0; i < 3; i++)
        {
            foreach (var probe in probes) producer.OnFrame(probe, Make.Start, out _);
        }

        producer.TryTakeDemandFor(1, out var first);
        producer.TryTakeDemandFor(2, out var second);
        Assert.Equal((0, 0), (first.Grant, second.Grant));
        Assert.Equal(1, first.Limit - 2 + second.Limit);
    }

    [Fact, Trait("Rule", "P-08")]
    public void Recall_OfCreditThatWasUsed_IsNotRepeatedForEver()
    {
        // Writer 1 has used its two but they are lost on the way; writer 2 starves. The same credit must not be recalled at wire speed.
        var producer = Make.Producer(bufferSize: 4);
        producer.Attach(Make.Start);
        producer.OnFrame(new Frame<int>(Make.Key, 1, [], Wanted: 9, Held: 4), Make.Start, out _);
        producer.Attach(Make.Start);
        producer.OnFrame(new Frame<int>(Make.Key, 2, [], Wanted: 9), Make.Start, out _);

        var grants = new HashSet<long>();
        for (int i = 0; i < 100; i++)
        {
            producer.TryTakeDemandFor(1, out var recall);
            grants.Add(recall.Grant);
            producer.OnFrame(new Frame<int>(Make.Key, 1, [], Wanted: 9, Grant: recall.Grant, Held: 4), Make.Start, out _);
        }

        Assert.InRange(grants.Count, 1, 2);
    }

    [Fact, Trait("Rule", "P-08")]
    public void Recall_NotAnswered_CountsAsUsedAndIsSaidAgain()
    {
        var producer = Make.Producer(bufferSize: 1);
        producer.Attach(Make.Start);
        producer.Attach(Make.Start);
        while (producer.TryTakeDemand(out _)) { }

        for (int i = 0; i < 3; i++)
        {
            producer.OnFrame(new Frame<int>(Make.Key, 2, [], Wanted: 1), Make.At(i), out _);
            Assert.True(producer.TryTakeDemandFor(2, out var hungry));
            Assert.Equal(0, hungry.Limit);
            Assert.True(producer.TryTakeDemand(out var recall));
            Assert.Equal((1, 0, 1), (recall.Peer, recall.Limit, recall.Grant));

            // Whatever else happens meanwhile does not repeat it.
            producer.OnFrame(new Frame<int>(Make.Key, 2, [], Wanted: 1), Make.At(i + 0.5), out _);
            Assert.True(producer.TryTakeDemandFor(2, out _));
            Assert.False(producer.TryTakeDemand(out _));
        }

        producer.OnFrame(new Frame<int>(Make.Key, 1, [], Grant: 1, Held: 0), Make.Start, out _);
        Assert.True(producer.TryTakeDemandFor(2, out var granted));
        Assert.Equal(1, granted.Limit);
    }

    [Fact, Trait("Rule", "P-08")]
    public void Recall_OvertakenByPuts_TakesOnlyWhatWasNotUsed()
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, 10), Make.Start, out _);
        for (int i = 0; i < 3; i++) writer.TryPut(i);
        writer.Frames();

        writer.OnDemand(Make.Demand(0, 1, grant: 1), Make.Start, out _);
        Assert.Equal(0, writer.Credit);
        var answer = Assert.Single(writer.Frames());
        Assert.Equal((1, 3), (answer.Grant, answer.Held));

        writer.OnDemand(Make.Demand(0, 10), Make.Start, out _);   // the old grant, late
        Assert.Equal(0, writer.Credit);
    }

    [Fact, Trait("Rule", "P-08")]
    public void Writer_WhoseCallersGaveUp_SaysSoAndKeepsNoCreditFromOthers()
    {
        var writer = Make.Writer();
        writer.SetWaiting(5);
        Assert.Equal(5, Assert.Single(writer.Frames()).Wanted);
        writer.OnDemand(Make.Demand(0, 2), Make.Start, out _);
        writer.SetWaiting(0);

        Assert.Equal(0, Assert.Single(writer.Frames()).Wanted);
        Assert.Empty(writer.Frames());
    }

    [Fact, Trait("Rule", "P-08")]
    public void Recall_AnsweredByAWriterThatEnds_IsHarmless()
    {
        var producer = Make.Producer(bufferSize: 1);
        producer.Attach(Make.Start);
        producer.Attach(Make.Start);
        while (producer.TryTakeDemand(out _)) { }
        producer.OnFrame(new Frame<int>(Make.Key, 2, [], Wanted: 1), Make.Start, out _);

        var last = new Frame<int>(Make.Key, 1, [Make.Batch(0, 7)], 1, StreamEnd.Completed, 1, 1, 1);
        Assert.Equal(Verdict.Accepted, producer.OnFrame(last, Make.Start, out _));
        Assert.Equal(Verdict.Duplicate, producer.OnFrame(last, Make.Start, out _));
    }
}
