using Orleans;

namespace Casty.Orleans.Tests;

/// <summary>Stands before every call from one end of a stream to another: counts it, and has it go wrong where a test asks for that.</summary>
public sealed class Wire : IOutgoingGrainCallFilter
{
    private static readonly AsyncLocal<bool> IsOwn = new();

    private long _frames;
    private long _demands;
    private long _elements;
    private volatile Faults? _faults;

    public long Frames => Interlocked.Read(ref _frames);

    public long Demands => Interlocked.Read(ref _demands);

    /// <summary>How many elements the frames carried.</summary>
    public long Elements => Interlocked.Read(ref _elements);

    public long Calls => Frames + Demands;

    /// <summary>Is shown every message that one end sends to another; null for nobody.</summary>
    public Action<IOutgoingGrainCallContext>? Tap { get; set; }

    /// <summary>
    /// Holds calls back: whatever task it gives is waited for before the call is made. It is asked about every call, and gives null
    /// for those that may pass.
    /// </summary>
    public Func<IOutgoingGrainCallContext, Task?>? Gate { get; set; }

    /// <summary>Holds answers back in the same way: whatever task it gives is waited for after the call was made. One that fails loses the answer.</summary>
    public Func<IOutgoingGrainCallContext, Task?>? AnswerGate { get; set; }

    /// <summary>What goes wrong from now on; null for nothing.</summary>
    public Faults? Faults
    {
        get => _faults;
        set
        {
            var before = _faults;
            _faults = value;
            before?.ReleaseAll();
        }
    }

    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        if (Gate?.Invoke(context) is { } gate) await gate;

        object? message = context.Request.GetArgumentCount() == 1 ? context.Request.GetArgument(0) : null;
        if (message is not (StreamFrame or StreamDemand) || IsOwn.Value)
        {
            await context.Invoke();
            if (AnswerGate?.Invoke(context) is { } answer) await answer;
            return;
        }

        if (message is StreamFrame frame)
        {
            Interlocked.Increment(ref _frames);
            foreach (var batch in frame.Batches ?? []) Interlocked.Add(ref _elements, batch?.Count ?? 0);
        }
        else
        {
            Interlocked.Increment(ref _demands);
        }

        Tap?.Invoke(context);
        if (_faults is not { } faults)
        {
            await context.Invoke();
            return;
        }

        var (fate, held) = faults.Next();
        await held;
        switch (fate)
        {
            case Fate.RequestLost:
                throw new TimeoutException("The request was lost.");

            case Fate.Doubled:
                _ = RepeatAsync(context.Grain, message);
                break;
        }

        await context.Invoke();
        if (fate == Fate.ResponseLost) throw new TimeoutException("The response was lost.");
    }

    private static async Task RepeatAsync(object observer, object message)
    {
        IsOwn.Value = true;
        try
        {
            if (message is StreamDemand demand) await ((IStreamDemandObserver)observer).OnDemandAsync(demand);
            else await ((IStreamElementObserver<int>)observer).OnNextAsync((StreamFrame)message);
        }
        catch (Exception)
        {
            // Nobody waits for the answer to a double.
        }
    }
}

/// <summary>What becomes of a call.</summary>
public enum Fate
{
    Well,
    RequestLost,
    ResponseLost,
    Doubled,
}

/// <summary>Deals out fates from a seed; some calls are held back until others have overtaken them.</summary>
public sealed class Faults(int seed)
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);
    private readonly List<(long Until, TaskCompletionSource Held)> _held = [];
    private long _calls;
    private bool _isOver;

    public int[] Counts { get; } = new int[5];

    public (Fate Fate, Task Gate) Next()
    {
        lock (_gate)
        {
            if (_isOver) return (Fate.Well, Task.CompletedTask);

            _calls++;
            foreach (var (until, held) in _held)
            {
                if (until <= _calls) held.TrySetResult();
            }

            _held.RemoveAll(one => one.Until <= _calls);

            var fate = _random.Next(10) switch
            {
                0 => Fate.RequestLost,
                1 => Fate.ResponseLost,
                2 => Fate.Doubled,
                _ => Fate.Well,
            };
            Counts[(int)fate]++;
            if (_random.Next(6) > 0) return (fate, Task.CompletedTask);

            Counts[4]++;
            var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _held.Add((_calls + _random.Next(1, 8), gate));
            return (fate, gate.Task);
        }
    }

    public void ReleaseAll()
    {
        lock (_gate)
        {
            _isOver = true;
            foreach (var (_, held) in _held) held.TrySetResult();
            _held.Clear();
        }
    }
}
