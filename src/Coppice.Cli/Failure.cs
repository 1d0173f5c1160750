using System.Runtime.InteropServices;
using Coppice.Constraints;

namespace Coppice.Cli;

/// <summary>Something the user can mend; the message is all that is shown of it.</summary>
internal sealed class CommandException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Options or arguments that the command does not take; <paramref name="command"/> is whose help to read.</summary>
internal sealed class UsageException(string message, string command) : Exception(message)
{
    /// <summary>"coppice generate".</summary>
    public string Command { get; } = command;
}

/// <summary>From an exception to one line on stderr and an exit status.</summary>
internal static class Failure
{
    /// <summary>Reports <paramref name="error"/> and returns the exit status.</summary>
    public static int Report(Exception error, CommandOutput output)
    {
        if (error is ReaderGoneException) return ExitStatus.Done;
        if (error is not OutputException && FlushError(output) is { } lost) return Report(lost, output);
        if (error is OperationCanceledException) return ExitStatus.Interrupted;
        output.Note($"coppice: {Message(error)}");
        if (output.Verbose) output.Note(error.ToString());
        return error is UsageException ? ExitStatus.WrongUsage : ExitStatus.Failed;
    }

    private static OutputException? FlushError(CommandOutput output)
    {
        try
        {
            output.Flush();
            return null;
        }
        catch (OutputException error)
        {
            return error;
        }
    }

    /// <summary>The message of <paramref name="error"/> as one line.</summary>
    public static string Message(Exception error)
    {
        var text = error switch
        {
            UsageException usage => $"{usage.Message.TrimEnd('.', ' ')} (see {usage.Command} --help)",
            ArgumentException argument => WithoutParameter(argument),
            _ when IsExpected(error) => error.Message,
            OutOfMemoryException => "the process has run out of memory (choose a shorter context or a smaller weight format)",
            _ => $"unexpected {error.GetType().Name}: {error.Message} (--verbose shows where)",
        };
        return string.Join(' ', text.Split(['\r', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    private static bool IsExpected(Exception error) =>
        error is CommandException or EngineException or ConstraintException or IOException or UnauthorizedAccessException
            or PlatformNotSupportedException or ExternalException;

    /// <summary>.NET appends the parameter's name and the value in lines of their own.</summary>
    private static string WithoutParameter(ArgumentException error)
    {
        var end = error.Message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        var text = end < 0 ? error.Message : error.Message[..end];
        return error is ArgumentOutOfRangeException { ActualValue: { } value } ? $"{text.TrimEnd('.')}, got {value}." : text;
    }
}
