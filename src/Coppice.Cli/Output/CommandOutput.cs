using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Coppice.Cli;

/// <summary>Results on stdout, everything else on stderr: UTF-8 without a byte order mark, line ends \n.</summary>
internal sealed class CommandOutput : IDisposable
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private static readonly JsonWriterOptions JsonOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly Stream _stdout = Console.OpenStandardOutput();
    private readonly StreamWriter _results;
    private readonly StreamWriter _notes;

    /// <summary>Opens the process's own streams.</summary>
    public CommandOutput(bool json, bool verbose)
    {
        (Json, Verbose) = (json, verbose);
        if (OperatingSystem.IsWindows() && !(Console.IsOutputRedirected && Console.IsErrorRedirected)) Console.OutputEncoding = Utf8;
        _results = new StreamWriter(_stdout, Utf8) { NewLine = "\n" };
        _notes = new StreamWriter(Console.OpenStandardError(), Utf8) { NewLine = "\n", AutoFlush = true };
    }

    /// <summary>Whether stdout carries JSON.</summary>
    public bool Json { get; }
    /// <summary>Whether the user wants to know more.</summary>
    public bool Verbose { get; }
    /// <summary>Whether stdout is a terminal that shows tables to a person.</summary>
    public bool ShowsTables => !Json && !Console.IsOutputRedirected;
    /// <summary>Whether stderr is a terminal that can show a bar.</summary>
    public static bool ShowsBars => !Console.IsErrorRedirected;

    /// <summary>Writes to stdout; shown at once if <paramref name="flush"/>.</summary>
    public void Write(string text, bool flush = false)
    {
        _results.Write(text);
        if (flush) _results.Flush();
    }

    /// <summary>Writes a line to stdout.</summary>
    public void WriteLine(string text = "") => _results.WriteLine(text);

    /// <summary>Writes a JSON value and a line end to stdout, at once.</summary>
    public void WriteJson<T>(T value, JsonTypeInfo<T> type)
    {
        _results.Flush();
        using (var writer = new Utf8JsonWriter(_stdout, JsonOptions)) JsonSerializer.Serialize(writer, value, type);
        _stdout.Write("\n"u8);
        _stdout.Flush();
    }

    /// <summary>Writes a line to stderr.</summary>
    public void Note(string text) => _notes.WriteLine(text);

    /// <summary>Writes to stderr without ending the line.</summary>
    public void Prompt(string text) => _notes.Write(text);

    /// <summary>Writes a line to stderr where the user wants to know more.</summary>
    public void Detail(string text)
    {
        if (Verbose) Note(text);
    }

    /// <summary>Shows what was written to stdout.</summary>
    public void Flush() => _results.Flush();

    /// <inheritdoc/>
    public void Dispose()
    {
        _results.Dispose();
        _notes.Dispose();
    }
}
