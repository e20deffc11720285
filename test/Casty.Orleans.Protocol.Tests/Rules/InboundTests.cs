namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class InboundTests
{
    private readonly List<Batch<int>> _ready = [];

    [Fact, Trait("Rule", "P-04")]
    public void Batches_Shuffled_ComeOutInOrder()
    {
        var inbound = Granted(6);

        Assert.Equal(Verdict.Accepted, inbound.OnBatch(Make.Batch(4, 4, 5), _ready, out _));
        Assert.Equal(Verdict.Accepted, inbound.OnBatch(Make.Batch(2, 2, 3), _ready, out _));
        Assert.Empty(_ready);
        Assert.Equal(Verdict.Accepted, inbound.OnBatch(Make.Batch(0, 0, 1), _ready, out _));

        Assert.Equal([0, 1, 2, 3, 4, 5], Ready);
        Assert.Equal((6, 0), (inbound.Received, inbound.Stashed));
    }

    [Fact, Trait("Rule", "P-04")]
    public void Batches_Overlapping_GiveEachElementOnceAndNeverStashMoreThanWasAskedFor()
    {
        var inbound = Granted(8);
        inbound.OnBatch(Make.Batch(2, 2, 3), _ready, out _);
        inbound.OnBatch(Make.Batch(2, 2, 3, 4, 5), _ready, out _);
        inbound.OnBatch(Make.Batch(3, 3, 4), _ready, out _);
        inbound.OnBatch(Make.Batch(1, 1, 2, 3), _ready, out _);
        inbound.OnBatch(Make.Batch(5, 5, 6, 7), _ready, out _);
        Assert.InRange(inbound.Stashed, 1, 7);

        inbound.OnBatch(Make.Batch(0, 0, 1, 2), _ready, out _);
        inbound.OnBatch(Make.Batch(3, 3, 4, 5, 6, 7), _ready, out _);

        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], Ready);
        Assert.Equal(0, inbound.Stashed);
    }

    [Fact, Trait("Rule", "P-04")]
    public void End_BeforeItsElements_WaitsForThem()
    {
        var inbound = Granted(2);
        Assert.Equal(Verdict.Accepted, inbound.OnEnd(2, StreamEnd.Completed, out _));
        Assert.Null(inbound.End);

        inbound.OnBatch(Make.Batch(0, 0, 1), _ready, out _);
        Assert.Equal(StreamEnd.Completed, inbound.End);
        Assert.Equal(3, inbound.Received);
    }

    [Theory, Trait("Rule", "P-12")]
    [InlineData(-1)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MaxValue - 1)]
    [InlineData(long.MinValue)]
    public void Batch_AtAPositionNotAskedFor_IsAViolation(long first)
    {
        var inbound = Granted(5);

        Assert.Equal(Verdict.Violation, inbound.OnBatch(Make.Batch(first, 1, 2), _ready, out string? violation));
        Assert.Contains(first.ToString(System.Globalization.CultureInfo.InvariantCulture), violation, StringComparison.Ordinal);
        Assert.Empty(_ready);
    }

    [Fact, Trait("Rule", "P-12")]
    public void Batch_Empty_IsAViolation()
    {
        var inbound = Granted(5);

        Assert.Equal(Verdict.Violation, inbound.OnBatch(Make.Batch(2), _ready, out _));
        Assert.Equal(Verdict.Violation, inbound.OnBatch(default, _ready, out _));
    }

    [Theory, Trait("Rule", "P-12")]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(long.MaxValue)]
    public void End_BeforeWhatArrivedOrBeyondWhatWasAskedFor_IsAViolation(long endAt)
    {
        var inbound = Granted(5);
        inbound.OnBatch(Make.Batch(0, 0, 1), _ready, out _);

        Assert.Equal(Verdict.Violation, inbound.OnEnd(endAt, StreamEnd.Completed, out _));
    }

    [Fact, Trait("Rule", "P-12")]
    public void End_MovedOrWithoutReasonOrFollowedByElements_IsAViolation()
    {
        var inbound = Granted(5);
        Assert.Equal(Verdict.Violation, inbound.OnEnd(3, new StreamEnd(StreamEndReason.None), out _));
        Assert.Equal(Verdict.Accepted, inbound.OnEnd(3, StreamEnd.Completed, out _));

        Assert.Equal(Verdict.Duplicate, inbound.OnEnd(3, StreamEnd.Completed, out _));
        Assert.Equal(Verdict.Violation, inbound.OnEnd(4, StreamEnd.Completed, out _));
        Assert.Equal(Verdict.Violation, inbound.OnBatch(Make.Batch(3, 3), _ready, out _));
    }

    private int[] Ready => [.. _ready.SelectMany(batch => batch.Elements)];

    private static Inbound<int> Granted(long limit)
    {
        var inbound = new Inbound<int>();
        inbound.Grant(limit);
        return inbound;
    }
}
