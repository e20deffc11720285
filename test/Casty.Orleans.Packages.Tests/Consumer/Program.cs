using System.Reflection;
using Casty.Orleans;
using Orleans;
using Orleans.TestingHost;

#region cluster
// Two silos and a client in this process. Nothing is registered: a stream needs only the grains' assembly in the silos.
var cluster = new TestClusterBuilder(2).Build();
await cluster.DeployAsync();
try
{
    await using var sink = await cluster.Client.GetSinkAsync<Greeting>("hello", new() { BufferSize = 2 });
    await using var source = await cluster.Client.GetSourceAsync<Greeting>("hello", options: new() { InitialDemand = 2 });

    var putting = PutAsync();
    await foreach (var greeting in source) Console.WriteLine($"{greeting.Number}: {greeting.Text}");
    await putting;

    async Task PutAsync()
    {
        for (int number = 1; number <= 5; number++) await sink.PutAsync(new Greeting(number, "hello"));
        await sink.CompleteAsync();
    }
}
finally
{
    await cluster.DisposeAsync();
}
#endregion

foreach (var type in new[] { typeof(SinkRef<>), typeof(StreamProducerGrain<>) })
{
    Console.WriteLine($"{type.Assembly.GetName().Name} {type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]}");
}

/// <summary>Serialised by what Orleans generates: the package brings its generator along.</summary>
[GenerateSerializer]
public sealed record Greeting([property: Id(0)] int Number, [property: Id(1)] string Text);
