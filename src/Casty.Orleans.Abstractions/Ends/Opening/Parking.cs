namespace Casty.Orleans;

/// <summary>How long an end keeps its place for whoever its handle was handed to.</summary>
internal static class Parking
{
    /// <summary>Calls <paramref name="onUnused"/> if nobody has taken the place of <paramref name="end"/> by then.</summary>
    public static void Begin(StreamHost host, IStreamEnd end, Action onUnused)
    {
        var timer = host.Clock.CreateTimer(static state => ((Action)state!)(), onUnused, host.Options.HandOverTimeout);
        _ = end.Released.ContinueWith(_ => timer.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }
}
