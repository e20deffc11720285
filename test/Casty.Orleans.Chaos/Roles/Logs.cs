using Microsoft.Extensions.Logging;

namespace Casty.Orleans.Chaos.Roles;

/// <summary>Logs of a process go to its standard error: standard output is for the orchestrator.</summary>
internal sealed class Logs(LogLevel level) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, categoryName == "Casty.Orleans" ? level : LogLevel.Warning);

    public void Dispose()
    {
    }

    private sealed class Logger(string category, LogLevel level) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= level;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            Console.Error.WriteLine($"{Environment.TickCount64} {logLevel} {category}: {formatter(state, exception)}{(exception is null ? "" : $" {exception}")}");
        }
    }
}
