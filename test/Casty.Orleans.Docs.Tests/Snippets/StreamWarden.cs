using Orleans;

namespace Casty.Orleans.Docs.Tests.Snippets;

public sealed class StreamWarden(IGrainFactory grains)
{
    #region warden
    public async Task EndWhatNobodyReadsAsync(CancellationToken cancellationToken)
    {
        var management = grains.GetStreamManagement();
        var stalled = new StreamQuery { NamePrefix = "prices/", StalledLongerThan = TimeSpan.FromMinutes(10) };
        await foreach (var stream in management.ListAllAsync(stalled, cancellationToken))
        {
            Console.WriteLine($"{stream.Producer} on {stream.Silo}: {stream.Buffered} elements for [{string.Join(", ", stream.Consumers)}] since {stream.StalledSince:t}");
            if (!stream.IsRead) await management.EndAsync(stream.Id, "Nobody has read it for ten minutes.");
        }
    }
    #endregion
}
