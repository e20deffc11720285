namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class RosterTests
{
    /// <summary>Else the stream would look complete to whoever is left, were the producer lost in that moment; one in the same process is better than nobody.</summary>
    [Theory, Trait("Rule", "P-15")]
    [InlineData(true, false), InlineData(false, false), InlineData(true, true)]
    public void AWriterThatFails_IsToldThatItIsKnown_OnceTheOtherWasSentAway(bool hasSpoken, bool isBeside)
    {
        var producer = Make.Producer();
        long one = producer.Attach(Make.Start, Make.Elsewhere);
        long failing = producer.Attach(Make.Start, isBeside ? Make.Elsewhere : new Guid(8, 0, 0, new byte[8]));
        if (hasSpoken) producer.OnFrame(new Frame<int>(Make.Key, one, [], Number: 1, RosterSeen: producer.RosterVersion), Make.Start, out _);
        var failure = new StreamEnd(StreamEndReason.Failed, "no", new InvalidOperationException("no"));
        Assert.Equal(Verdict.Accepted, producer.OnFrame(new Frame<int>(Make.Key, failing, [], 0, failure, Number: 1), Make.Start, out _));
        Assert.True(producer.TryTakeDemandFor(failing, out var told));
        Assert.Null(told.End);
        Assert.Equal(0, told.Received);

        Assert.True(producer.TryTakeDemandFor(one, out told));
        Assert.Equal(failure, told.End);
        producer.OnFrame(new Frame<int>(Make.Key, one, [], Number: 2, Leaving: true), Make.Start, out _);
        Assert.True(producer.TryTakeDemandFor(failing, out told));
        Assert.Equal(failure, told.End);
    }

    /// <summary>Nobody is waited for who may be dead.</summary>
    [Fact, Trait("Rule", "P-15")]
    public void AWriterThatFails_AndTheOtherIsSilent_IsToldAfterTheSuspicionTime()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start, Make.Elsewhere);
        long failing = producer.Attach(Make.Start, new Guid(8, 0, 0, new byte[8]));
        producer.OnFrame(new Frame<int>(Make.Key, failing, [], 0, new StreamEnd(StreamEndReason.Failed, "no"), Number: 1), Make.Start, out _);
        Assert.True(producer.TryTakeDemandFor(failing, out var told));
        Assert.Null(told.End);

        producer.OnTick(Make.Start + Make.Timings.Suspicion);
        Assert.True(producer.TryTakeDemandFor(failing, out told));
        Assert.Equal(StreamEndReason.Failed, told.End?.Reason);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Reader_InAnotherProcess_LearnsWhoBelongsToTheStream()
    {
        var producer = Make.Producer(bufferSize: 8);
        long first = producer.Attach(Make.Start);
        long second = producer.Attach(Make.Start);
        producer.Subscribe("consumer", isNamed: true, position: null, Make.Start, process: Make.Elsewhere);
        producer.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _);
        producer.OnFrame(Make.End(2, StreamEnd.Completed, first), Make.Start, out _);
        var reader = Make.Reader(4);
        producer.OnDemand(reader.Current, Make.Start, out _);

        Assert.True(producer.TryTakeFrame(8, long.MaxValue, Make.Start, out var frame));
        reader.OnFrame(frame, Make.Start, out _);

        var roster = Assert.IsType<Roster>(reader.Roster);
        Assert.Equal([new(first, 2, StreamEndReason.Completed), new(second, -1, StreamEndReason.None), new(0, 0, StreamEndReason.Completed)], roster.Writers);
        Assert.Equal(("consumer", true, 1, 8), (roster.Consumer, roster.IsNamed, roster.Epoch, roster.BufferSize));
    }

    [Fact, Trait("Rule", "P-15")]
    public void Roster_ThatTheReaderKnows_IsNotSentAgain()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        producer.Subscribe("consumer", isNamed: true, position: null, Make.Start, process: Make.Elsewhere);
        var reader = Make.Reader(4);
        producer.OnDemand(reader.Current, Make.Start, out _);

        producer.OnFrame(Make.Frame(0, 1), Make.Start, out _);
        Assert.True(producer.TryTakeFrame(8, long.MaxValue, Make.Start, out var told));
        producer.OnFrame(Make.Frame(1, 2), Make.Start, out _);
        Assert.True(producer.TryTakeFrame(8, long.MaxValue, Make.Start, out var toldAgain));
        Assert.NotNull(told.Roster);
        Assert.Null(toldAgain.Roster);   // one is on its way

        Assert.True(producer.OnTick(Make.Start + Make.Timings.Retry));   // nothing says that it came
        Assert.True(producer.TryTakeFrame(8, long.MaxValue, Make.Start, out var repeated));
        Assert.NotNull(repeated.Roster);

        reader.OnFrame(told, Make.Start, out _);
        producer.OnDemand(reader.Current, Make.Start, out _);
        producer.OnFrame(Make.Frame(2, 3), Make.Start, out _);
        Assert.True(producer.TryTakeFrame(8, long.MaxValue, Make.Start, out var known));
        Assert.Null(known.Roster);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Roster_Overtaken_DoesNotReplaceANewerOne()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        producer.Subscribe("consumer", isNamed: true, position: null, Make.Start, process: Make.Elsewhere);
        var reader = Make.Reader(4);
        producer.OnDemand(reader.Current, Make.Start, out _);
        producer.OnFrame(Make.Frame(0, 1), Make.Start, out _);
        producer.TryTakeFrame(8, long.MaxValue, Make.Start, out var older);
        producer.Attach(Make.Start);
        producer.OnFrame(Make.Frame(1, 2), Make.Start, out _);
        producer.OnTick(Make.Start + Make.Timings.Retry);
        producer.TryTakeFrame(8, long.MaxValue, Make.Start, out var newer);

        reader.OnFrame(newer, Make.Start, out _);
        reader.OnFrame(older, Make.Start, out _);

        Assert.Equal(2, reader.Roster!.Writers.Length);
    }

    [Fact, Trait("Rule", "P-15")]
    public void Writers_TwoInOtherProcesses_CarryTheRoster()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);   // in the producer's own process: it would be lost with it
        long[] remote = [.. Enumerable.Range(1, 3).Select(process => producer.Attach(Make.Start, new Guid(process, 0, 0, new byte[8])))];
        var writers = remote.Select(number => Make.Writer(number)).ToArray();

        foreach (var writer in writers)
        {
            Assert.True(producer.TryTakeDemandFor(writer.Writer, out var demand));
            writer.OnDemand(demand, Make.Start, out _);
        }

        Assert.Equal([4, 4, null], writers.Select(writer => writer.Roster?.Writers.Length));
        Assert.True(producer.TryTakeDemandFor(1, out var local));
        Assert.NotNull(local.Roster);
    }
}
