using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Who leaves a source that a pipe reads, and what becomes of what the pipe has in hand.</summary>
public sealed class HandTests : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<bool> _left = [];
    private readonly Hand _hand;

    public HandTests() => _hand = new Hand(_stop);

    public void Dispose() => _stop.Dispose();

    [Fact]
    public void LetGoOf_WhileEmpty_LeavesAtOnce_AndNothingMoreIsTaken()
    {
        _hand.LetGo(_left.Add);
        Assert.Equal([false], _left);
        Assert.False(_hand.TryTake());
        Assert.False(_stop.IsCancellationRequested);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LetGoOf_WhileFull_LeavesOnceThePipeKnows(bool isPut)
    {
        Assert.True(_hand.TryTake());
        _hand.LetGo(_left.Add);
        Assert.Empty(_left);
        if (isPut) _hand.Clear();
        else Assert.True(_hand.TryDrop());
        Assert.Equal([!isPut], _left);
    }

    /// <summary>The pipe is about to leave, with the element in hand: whoever left for it now would finish that.</summary>
    [Fact]
    public void LetGoOf_AfterThePipeHasDropped_LeavesThatToThePipe()
    {
        Assert.True(_hand.TryTake());
        Assert.False(_hand.TryDrop());
        _hand.LetGo(_left.Add);
        Assert.Empty(_left);
    }
}
