namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class EndTests
{
    private static readonly StreamEnd Failure = new(StreamEndReason.Failed, "Boom!", new InvalidOperationException("Boom!"));

    [Fact, Trait("Rule", "P-11")]
    public void End_TheFirst_Counts()
    {
        var writer = Make.Writer();
        Assert.True(writer.TryEnd(Failure));
        Assert.False(writer.TryEnd(StreamEnd.Completed));
        Assert.Same(Failure, writer.End);

        var producer = Make.ProducerHolding(1);
        producer.EndStream(Failure, Make.Start);
        producer.EndStream(StreamEnd.Completed, Make.Start);
        producer.Terminate(StreamEnd.Cancelled, Make.Start);
        Assert.Same(Failure, producer.End);
    }

    [Fact, Trait("Rule", "P-11")]
    public void Stream_Over_IsForgottenAfterTwoLeasesAndHoldsNothing()
    {
        var line = new Line(bufferSize: 4, initialDemand: 2);
        line.Writer.TryPut(1);
        line.Pump();
        line.Reader.TryLeave(Leave.Cancel);
        line.Pump();

        Assert.True(line.Producer.IsOver);
        Assert.True(line.Reader.IsSettled);
        Assert.Equal(StreamEndReason.Cancelled, line.Writer.Outcome?.Reason);
        Assert.Equal(0, line.Producer.Writers);
        Assert.Equal((TimeSpan.MaxValue, TimeSpan.MaxValue), (line.Writer.NextDeadline, line.Reader.NextDeadline));
        Assert.Equal(Make.At(120), line.Producer.NextDeadline);
        line.Producer.OnTick(Make.At(120));
        Assert.True(line.Producer.IsForgotten);
        Assert.Equal(TimeSpan.MaxValue, line.Producer.NextDeadline);
    }

    [Fact, Trait("Rule", "P-13")]
    public void Completion_IsToldToAWriterOnlyWhenTheReaderHasFinishedItsElements()
    {
        var line = new Line(bufferSize: 4, initialDemand: 4);
        line.Writer.TryPut(1);
        line.Writer.TryEnd(StreamEnd.Completed);
        line.Pump();
        Assert.True(line.Writer.IsEndReceived);
        Assert.True(line.Reader.TryTake(out _));
        line.Pump();
        Assert.Equal(StreamEndReason.Completed, line.Reader.End?.Reason);
        Assert.Null(line.Writer.Outcome);

        Assert.False(line.Reader.TryTake(out _));   // asking for the next finishes the last
        line.Pump();
        Assert.Equal(StreamEndReason.Completed, line.Writer.Outcome?.Reason);
        Assert.True(line.Reader.IsSettled);
    }

    [Fact, Trait("Rule", "P-13")]
    public void Writer_WhoseElementsAreFinishedAmongOthers_LearnsItAtOnce()
    {
        // Its end came behind another writer's elements: it has nothing to do with them.
        var line = new Line(bufferSize: 16, initialDemand: 16, writers: 2);
        line.Writers[0].TryPut(1);
        line.Pump();
        line.Reader.TryTake(out _);
        Assert.False(line.Reader.TryTake(out _));
        line.Pump();
        line.Writers[1].TryPut(2);
        line.Pump();
        line.Writers[0].TryEnd(StreamEnd.Completed);
        line.Pump();

        Assert.Equal(StreamEndReason.Completed, line.Writers[0].Outcome?.Reason);
        Assert.Null(line.Writers[1].Outcome);
    }

    [Fact, Trait("Rule", "P-13")]
    public void Reader_ThatWasLostAndSpeaksAgain_IsNeverToldThatItsCutStreamCompleted()
    {
        var producer = Make.ProducerHolding(1, 2, 3);
        producer.OnDemand(Make.Demand(0, 1), Make.Start, out _);
        for (double at = 0; at <= 120; at += 15)
        {
            producer.OnFrame(new Frame<int>(Make.Key, 1, []), Make.At(at), out _);
            producer.OnTick(Make.At(at));
        }

        producer.OnFrame(Make.End(3, StreamEnd.Completed), Make.At(121), out _);
        Assert.Equal(StreamEndReason.Completed, producer.End?.Reason);
        var late = Make.Demand(1, 2);
        Assert.Equal(Verdict.Stale, producer.OnDemand(late, Make.At(122), out _));
        Assert.Equal(StreamEndReason.Abandoned, producer.AnswerStale(late).Reason);
    }

    [Theory, Trait("Rule", "P-13")]
    [InlineData(StreamEndReason.None)]
    [InlineData(StreamEndReason.Completed)]
    public void Reader_ThatCancelsWithASuccess_HasCancelled(StreamEndReason reason)
    {
        var producer = Make.ProducerHolding(1);
        producer.OnDemand(Make.Demand(0, 1) with { Leave = Leave.Cancel, End = new StreamEnd(reason) }, Make.Start, out _);

        Assert.Equal(StreamEndReason.Cancelled, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-13")]
    public void Writer_ThatWithdrawsLast_LetsTheOthersEndStand()
    {
        var line = new Line(bufferSize: 4, initialDemand: 4, writers: 2);
        line.Writers[0].TryPut(1);
        line.Writers[0].TryEnd(StreamEnd.Completed);
        line.Pump();
        line.Reader.TryTake(out _);
        line.Reader.TryTake(out _);
        line.Pump();
        Assert.Equal(StreamEndReason.Completed, line.Writers[0].Outcome?.Reason);

        line.Producer.Withdraw(2, line.Now);
        Assert.Equal(StreamEndReason.Completed, line.Producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-13")]
    public void Writer_ThatAbandons_DisturbsNobodyButTheStreamIsNotComplete()
    {
        var line = new Line(bufferSize: 4, initialDemand: 4, writers: 2);
        line.Writers[0].TryPut(1);
        line.Writers[0].TryEnd(new StreamEnd(StreamEndReason.Abandoned));
        line.Pump();
        Assert.True(line.Writers[1].TryPut(2));
        line.Writers[1].TryEnd(StreamEnd.Completed);
        line.Pump();

        Assert.Equal([1, 2], line.Reader.TakeAll());
        line.Pump();
        Assert.Equal(StreamEndReason.Abandoned, line.Reader.End?.Reason);
        Assert.Equal(StreamEndReason.Abandoned, line.Writers[0].Outcome?.Reason);
        Assert.Equal(StreamEndReason.Completed, line.Writers[1].Outcome?.Reason);
    }

    [Fact, Trait("Rule", "P-13")]
    public void Failure_FollowsItsWritersElements()
    {
        var line = new Line(bufferSize: 4, initialDemand: 4);
        line.Writer.TryPut(1);
        line.Writer.TryEnd(Failure);
        line.Pump();

        Assert.True(line.Reader.TryTake(out int element));
        Assert.Equal(1, element);
        Assert.Same(Failure.Cause, line.Reader.End?.Cause);
        Assert.Same(Failure.Cause, line.Writer.Outcome?.Cause);
    }

    [Fact, Trait("Rule", "P-13")]
    public void Reader_ThatHadSaidTheEndArrived_StillSaysThatItFinished()
    {
        var reader = Make.Reader(4);
        reader.TryTakeDemand(Make.Start, out var demand);
        reader.OnAnswered(demand, Make.Start);
        reader.OnFrame(Make.Frame(0, 1), Make.Start, out _);
        reader.OnFrame(Make.End(1, StreamEnd.Completed), Make.Start, out _);
        reader.TryTake(out _);
        reader.OnSaid(reader.Current, Make.Start);
        Assert.False(reader.TryTakeDemand(Make.Start, out _));

        Assert.False(reader.TryTake(out _));
        Assert.True(reader.TryTakeDemand(Make.Start, out demand));
        Assert.Equal(2, demand.Confirmed);
    }

    /// <summary>Kept until the stream ends, those who let go of a long stream would gather at both ends of it.</summary>
    [Fact, Trait("Rule", "P-11")]
    public void AWriterThatLetGo_NeedNotWaitForTheStreamsEnd_OnceItsElementsAreFinished()
    {
        var line = new Line(bufferSize: 8, initialDemand: 4, writers: 2);
        var leaving = line.Writers[1];
        leaving.TryPut(1);
        leaving.TryEnd(new StreamEnd(StreamEndReason.Abandoned));
        line.Pump();
        Assert.True(leaving.IsEndReceived);
        Assert.Null(leaving.Outcome);

        Assert.Equal([1], line.Reader.TakeAll());
        line.Tick();
        line.Pump();
        Assert.Equal(StreamEndReason.Abandoned, leaving.Outcome?.Reason);
        Assert.Equal(1, line.Producer.Writers);

        // The stream goes on, and remembers.
        Assert.True(line.Writer.TryPut(2));
        line.Writer.TryEnd(StreamEnd.Completed);
        line.Pump();
        Assert.Equal([2], line.Reader.TakeAll());
        line.Pump();
        Assert.Equal(StreamEndReason.Abandoned, line.Reader.End?.Reason);
    }
}
