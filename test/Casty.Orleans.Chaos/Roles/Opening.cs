using System.Diagnostics;
using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Roles;

/// <summary>
/// Opens an end. The grain that is asked may just have died, and a name may be free only in a while: then it is asked again. Both
/// are told, so that nobody takes patience for success.
/// </summary>
internal static class Opening
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    public static async Task<TRef> OpenAsync<TRef>(int end, Func<CancellationToken, Task<TRef>> open, Journal journal, CancellationToken leaving)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                var opened = await open(leaving);
                journal.Tell(end, Happened.Opened);
                return opened;
            }
            catch (Exception exception) when (!leaving.IsCancellationRequested && Stopwatch.GetElapsedTime(start) < Patience)
            {
                journal.Tell(end, Happened.OpenFailed, exception);
                await Task.Delay(300, leaving);
            }
        }
    }
}
