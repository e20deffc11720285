using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;

namespace Casty.Orleans.Benchmarks;

public sealed class PriceHub : Hub
{
    public async IAsyncEnumerable<Price> Download(int count, bool counted, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        for (int i = 0; i < count && !cancellationToken.IsCancellationRequested; i++)
        {
            if (counted) Produced.Add();
            yield return Kind.Price[i];
        }
    }

    public async Task<int> Upload(IAsyncEnumerable<Price> prices)
    {
        int read = 0;
        await foreach (var price in prices) Kind.Price.Expect(price, read++);
        return read;
    }
}

/// <summary>SignalR's streaming with its defaults: WebSockets and JSON.</summary>
internal sealed class SignalRRival(HubConnection connection) : IAsyncDisposable
{
    public const string Name = "SignalR, defaults";

    public static async Task<SignalRRival> ConnectAsync(Uri uri)
    {
        var connection = new HubConnectionBuilder().WithUrl(uri).Build();
        await connection.StartAsync();
        return new(connection);
    }

    public Task DownloadAsync(int count) => Check.AllAsync(connection.StreamAsync<Price>("Download", count, false), Kind.Price, count);

    public async Task UploadAsync(int count) => Check.Count(count, await connection.InvokeAsync<int>("Upload", ProduceAsync(count)));

    /// <summary>The reader takes one element, and no other until it is told to leave.</summary>
    public async Task StallAsync(int count, Task until)
    {
        using var leaving = new CancellationTokenSource();
        await foreach (var price in connection.StreamAsync<Price>("Download", count, true, leaving.Token))
        {
            await until;
            break;
        }

        await leaving.CancelAsync();
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private static async IAsyncEnumerable<Price> ProduceAsync(int count)
    {
        await Task.CompletedTask;
        for (int i = 0; i < count; i++) yield return Kind.Price[i];
    }
}
