using Microsoft.Extensions.Logging;

namespace Coppice.Cli;

/// <summary>Notes of the server on stderr, a line each; those of single requests only where the user wants to know more.</summary>
internal sealed class NoteLogger(CommandOutput output) : ILogger
{
    private readonly Lock _gate = new();

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= (output.Verbose ? LogLevel.Information : LogLevel.Warning);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?,
        string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        var error = exception is null ? "" : output.Verbose ? $" {exception}" : $" {Failure.Message(exception)}";
        lock (_gate) output.Note($"coppice: {formatter(state, exception)}{error}");
    }
}
