using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Casty.Orleans.Tests;

/// <summary>Keeps what streams log, and what went wrong with anything else.</summary>
public sealed class LogBook : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _warnings = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyCollection<string> Warnings => _warnings;

    /// <summary>The errors of everybody but the streams.</summary>
    public IReadOnlyCollection<string> Errors => _errors;

    /// <summary>Somebody has logged a line of streams that contains both, whatever its level but Debug.</summary>
    public bool IsLogged(string about, string what) => _lines.Any(line =>
        line.Contains(about, StringComparison.Ordinal) && line.Contains(what, StringComparison.Ordinal));

    public ILogger CreateLogger(string categoryName) => categoryName == StreamDiagnostics.LogCategory ? this : new Others(this, categoryName);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        _lines.Enqueue(formatter(state, exception));
        if (logLevel >= LogLevel.Warning) _warnings.Enqueue(formatter(state, exception));
    }

    public void Dispose()
    {
    }

    private sealed class Others(LogBook book, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) book._errors.Enqueue($"{category}: {formatter(state, exception)} {exception}");
        }
    }
}
