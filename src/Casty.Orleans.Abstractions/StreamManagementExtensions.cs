using System.Runtime.CompilerServices;
using Orleans;

namespace Casty.Orleans;

/// <summary>Asks a cluster for its streams. The same on a silo, in a grain, and on a client.</summary>
public static class StreamManagementExtensions
{
    /// <summary>What tells which streams live in the cluster, and ends one.</summary>
    /// <param name="grains">The cluster.</param>
    /// <returns>It. Any thread may ask it.</returns>
    /// <exception cref="InvalidOperationException">No silo that this process has heard of hosts streams.</exception>
    public static IStreamManagementGrain GetStreamManagement(this IGrainFactory grains)
    {
        ArgumentNullException.ThrowIfNull(grains);
        return StreamHost.ManagementOf(grains);
    }

    /// <summary>Every stream that lives in the cluster, asked for page by page as they are looked at.</summary>
    /// <remarks>
    /// Streams of silos that do not answer are left out without a word; <see cref="IStreamManagementGrain.ListAsync"/> names those silos.
    /// </remarks>
    /// <param name="management">What tells.</param>
    /// <param name="query">Which ones; null for all.</param>
    /// <param name="cancellationToken">Ends the loop between two pages.</param>
    /// <returns>The streams, silo by silo, the oldest of each first.</returns>
    /// <exception cref="ArgumentException">The query's <see cref="StreamQuery.After"/> is not what a page said.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async IAsyncEnumerable<StreamInfo> ListAllAsync(this IStreamManagementGrain management, StreamQuery? query = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(management);
        query ??= new StreamQuery();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = await management.ListAsync(query).WaitAsync(cancellationToken).ConfigureAwait(false);
            foreach (var stream in page.Streams) yield return stream;
            if (page.Next is null) yield break;
            query = query with { After = page.Next };
        }
    }
}
