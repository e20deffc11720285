using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Core.Internal;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>What streams log has ids that mean one thing each, and there is little of it.</summary>
public sealed class LogTests(LogTests.Fixture fixture) : IClassFixture<LogTests.Fixture>
{
    /// <summary>Whatever class of either package they are in.</summary>
    private static readonly (string Name, LoggerMessageAttribute Message)[] Messages =
    [
        .. new[] { typeof(StreamLog).Assembly, typeof(HandlingLog).Assembly }.SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => type.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => (method.Name, Message: method.GetCustomAttribute<LoggerMessageAttribute>()))
            .Where(one => one.Message is not null).Select(one => (one.Name, one.Message!)),
    ];

    private readonly ClusterBed _bed = fixture.Bed;

    [Fact]
    public void EveryEvent_HasAnIdOfItsOwnFromTheList()
    {
        int[] listed = [.. typeof(StreamEvents).GetFields(BindingFlags.Static | BindingFlags.Public).Select(field => (int)field.GetRawConstantValue()!)];
        Assert.NotEmpty(listed);
        Assert.Equal(listed.Order(), Messages.Select(one => one.Message.EventId).Order());
        Assert.Equal(listed.Length, listed.Distinct().Count());
        Assert.Equal(Messages.Length, Messages.Select(one => one.Name).Distinct().Count());
    }

    [Fact]
    public void EveryEvent_IsInTheDocumentWithItsLevel() => Assert.All(Messages, one =>
        Assert.Contains($"| {one.Message.EventId} | {one.Name} | {one.Message.Level} |", ObservabilityDocument.Text, StringComparison.Ordinal));

    [Fact]
    public async Task StreamsThatComeAndGo_LogNothingAtInformation()
    {
        fixture.Events.Clear();
        for (int i = 0; i < 3; i++)
        {
            string name = Cluster.Name();
            await using var stream = await (_bed[Place.Client], _bed[Place.SiloB]).OpenAsync<int>(name: name, reader: "reader");
            var writing = stream.Sink.WriteAsync(Enumerable.Range(0, 1_000));
            await stream.Source.DrainAsync();
            await writing.Soon();
        }

        await using (var left = await (_bed[Place.Client], _bed[Place.SiloB]).OpenAsync<int>()) await left.Source.DisposeAsync().Soon();
        Assert.DoesNotContain(fixture.Events, one => one.Level >= LogLevel.Information);
        Assert.Equal(8, fixture.Events.Count(one => one.Id.Id == StreamEvents.Opened));
    }

    [Fact]
    public async Task AStreamThatIsRebuilt_SaysSoOnce()
    {
        fixture.Events.Clear();
        string name = Cluster.Name();
        await using var stream = await (_bed[Place.Client], _bed[Place.SiloB]).OpenAsync<int>(name: name);
        await _bed[Place.Client].GetGrain<IStreamProducerGrain<int>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask().Soon();
        await stream.Sink.PutAsync(2).Soon();
        await using var loop = stream.Source.GetAsyncEnumerator();
        await loop.NextAsync(1);
        await Waiting.UntilAsync(() => fixture.Events.Count(one => one.Id.Id == StreamEvents.Rejoined) == 2);
        var rebuilt = Assert.Single(fixture.Events, one => one.Id.Id == StreamEvents.Rebuilt);
        Assert.Equal(LogLevel.Information, rebuilt.Level);
        Assert.Equal(nameof(StreamLog.Rebuilt), rebuilt.Id.Name);
        Assert.Contains(name, rebuilt.Text, StringComparison.Ordinal);
    }

    public sealed class Fixture : IAsyncLifetime, ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<Event> _events = new();

        public Fixture() => Bed = new ClusterBed
        {
            Time = new ManualTime(),
            Silos = silo => Listen(silo.Services),
            Client = client => Listen(client.Services),
        };

        public ClusterBed Bed { get; }

        internal ConcurrentQueue<Event> Events => _events;

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();

        public ILogger CreateLogger(string categoryName) =>
            categoryName == StreamDiagnostics.LogCategory ? this : Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _events.Enqueue(new Event(eventId, logLevel, formatter(state, exception)));

        public void Dispose()
        {
        }

        private void Listen(IServiceCollection services) => services.AddLogging(logging => logging
            .AddProvider(this).AddFilter(StreamDiagnostics.LogCategory, LogLevel.Debug));

        internal sealed record Event(EventId Id, LogLevel Level, string Text);
    }
}
