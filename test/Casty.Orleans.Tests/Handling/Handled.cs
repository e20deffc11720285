using System.Collections.Concurrent;
using Orleans.Runtime;

namespace Casty.Orleans.Tests;

/// <summary>What a grain under test was given to handle, wherever it was activated; and what it is to do with it.</summary>
public sealed class Handled
{
    private static readonly ConcurrentDictionary<string, Handled> All = new();

    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Exception> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<int> _seen = new();
    private readonly ConcurrentQueue<int> _tried = new();
    private readonly ConcurrentQueue<int> _batches = new();
    private readonly ConcurrentDictionary<Guid, SiloAddress> _activations = new();
    private int _running;
    private int _mostRunning;

    /// <summary>What the handler does before an element counts; it may throw.</summary>
    public Func<int, CancellationToken, Task> Handle { get; set; } = static (_, _) => Task.CompletedTask;

    public Func<Task> Activate { get; set; } = static () => Task.CompletedTask;

    public Func<Task> Complete { get; set; } = static () => Task.CompletedTask;

    public Func<Task> Fail { get; set; } = static () => Task.CompletedTask;

    public StreamHandlerOptions? Options { get; set; }

    /// <summary>The elements that were handled, in order.</summary>
    public int[] Seen => [.. _seen];

    public int SeenCount => _seen.Count;

    /// <summary>The elements that the handler was called with, also where it threw.</summary>
    public int[] Tried => [.. _tried];

    public int[] Batches => [.. _batches];

    public int MostRunning => Volatile.Read(ref _mostRunning);

    /// <summary>How many activations there have been.</summary>
    public int Activations => _activations.Count;

    /// <summary>On how many silos there have been any.</summary>
    public int Silos => _activations.Values.Distinct().Count();

    public SiloAddress? LastSilo { get; private set; }

    public Task Completed => _completed.Task;

    public Task<Exception> Failed => _failed.Task;

    public static Handled By(string grain) => All.GetOrAdd(grain, static _ => new());

    public Task UntilSeenAsync(int count) => Waiting.UntilAsync(() => SeenCount >= count, () => $"{SeenCount} of {count} were handled, {_tried.Count} tried, by {Activations} activations.");

    public void OnActivated(Guid activation, SiloAddress silo)
    {
        _activations[activation] = silo;
        LastSilo = silo;
    }

    public async Task OnElementAsync(int element, CancellationToken cancellationToken)
    {
        int running = Interlocked.Increment(ref _running);
        if (running > _mostRunning) _mostRunning = running;
        try
        {
            _tried.Enqueue(element);
            await Handle(element, cancellationToken);
            _seen.Enqueue(element);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public async Task OnBatchAsync(IReadOnlyList<int> elements, CancellationToken cancellationToken)
    {
        foreach (int element in elements)
        {
            _tried.Enqueue(element);
            await Handle(element, cancellationToken);
        }

        foreach (int element in elements) _seen.Enqueue(element);
        _batches.Enqueue(elements.Count);
    }

    public async Task OnCompletedAsync()
    {
        await Complete();
        _completed.TrySetResult();
    }

    public async Task OnFailedAsync(Exception error)
    {
        await Fail();
        _failed.TrySetResult(error);
    }
}
