using System.Collections.Concurrent;
using Casty.Orleans.Chaos.Processes;
using Orleans;

namespace Casty.Orleans.Chaos.Roles;

/// <summary>Opens and runs the ends that this process is told to.</summary>
internal sealed class Agent(Journal journal, TimeSpan lease)
{
    private readonly ConcurrentDictionary<int, CancellationTokenSource> _leaving = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource> _going = new();
    private IGrainFactory _grains = null!;

    public void Start(IGrainFactory grains) => _grains = grains;

    public void Follow(Order order)
    {
        switch (order)
        {
            case OpenSink sink:
                var go = _going[sink.End] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Run(sink, leaving => Writer.RunAsync(_grains, sink, go.Task, journal, lease, leaving));
                break;

            case OpenSource source:
                Run(source, leaving => new Reader(source, journal).RunAsync(_grains, leaving));
                break;

            case Go:
                if (_going.TryRemove(order.End, out var waiting)) waiting.SetResult();
                break;

            case Cancel:
                if (_leaving.TryGetValue(order.End, out var end)) end.Cancel();
                break;
        }
    }

    private void Run(Order order, Func<CancellationToken, Task> run)
    {
        var leaving = _leaving[order.End] = new CancellationTokenSource();
        _ = Task.Run(async () =>
        {
            try
            {
                await run(leaving.Token);
            }
            catch (OperationCanceledException) when (leaving.IsCancellationRequested)
            {
                journal.Tell(order.End, Happened.Left);
            }
            catch (Exception exception)
            {
                journal.Tell(order.End, Happened.Failed, exception);
            }
            finally
            {
                _leaving.TryRemove(order.End, out _);
            }
        });
    }
}
