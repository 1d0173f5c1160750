using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Coppice.Cli;

/// <summary>Results on stdout, everything else on stderr: UTF-8 without a byte order mark, line ends \n.</summary>
/// <remarks>
/// What cannot be written to stdout is an <see cref="OutputException"/>, because it is what the user asked for; what cannot be written to
/// stderr is dropped. Disposing writes nothing and never throws: <see cref="Flush"/> comes before.
/// </remarks>
internal sealed class CommandOutput : IDisposable
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private static readonly JsonWriterOptions JsonOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private const int NarrowestTable = 40, Usual = 80, UsualRows = 24;     // columns, rows

    private readonly StandardStream _stdout = StandardStream.Output();
    private readonly StreamWriter _results;
    private readonly StreamWriter _notes;

    /// <summary>Opens the process's own streams.</summary>
    public CommandOutput(bool json, bool verbose)
    {
        (Json, Verbose) = (json, verbose);
        if (OperatingSystem.IsWindows() && !(Console.IsOutputRedirected && Console.IsErrorRedirected)) Console.OutputEncoding = Utf8;
        _results = new StreamWriter(_stdout, Utf8) { NewLine = "\n" };
        _notes = new StreamWriter(StandardStream.Error(), Utf8) { NewLine = "\n", AutoFlush = true };
    }

    /// <summary>Whether stdout carries JSON.</summary>
    public bool Json { get; }
    /// <summary>Whether the user wants to know more.</summary>
    public bool Verbose { get; }
    /// <summary>Whether stdout is a terminal that shows tables to a person: one that is not too narrow for them.</summary>
    public bool ShowsTables => !Json && !Console.IsOutputRedirected && Columns >= NarrowestTable;
    /// <summary>Whether anyone reads stdout: false once the other end of a pipe is closed.</summary>
    public bool HasReader => _stdout.HasReader;
    /// <summary>Whether stderr is a terminal that can show a bar.</summary>
    public static bool ShowsBars => !Console.IsErrorRedirected;

    /// <summary>Columns of the terminal; 80 where there is none, stdout is closed, or it does not know.</summary>
    public static int Columns => Known(() => Console.WindowWidth, Usual);

    /// <summary>Rows of the terminal; 24 where there is none, stdout is closed, or it does not know.</summary>
    public static int Rows => Known(() => Console.WindowHeight, UsualRows);

    private static int Known(Func<int> size, int usual)
    {
        try
        {
            return size() is > 0 and var known ? known : usual;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            return usual;
        }
    }

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
    public void Note(string text) => Prompt(text + "\n");

    /// <summary>Writes to stderr without ending the line.</summary>
    public void Prompt(string text)
    {
        try
        {
            _notes.Write(text);
        }
        catch (OutputException)
        {
            // There is nowhere to say it.
        }
    }

    /// <summary>Writes a line to stderr where the user wants to know more.</summary>
    public void Detail(string text)
    {
        if (Verbose) Note(text);
    }

    /// <summary>Shows what was written to stdout.</summary>
    public void Flush() => _results.Flush();

    /// <summary>stdout as a writer, for what the parser writes.</summary>
    public TextWriter Results => _results;

    /// <inheritdoc/>
    public void Dispose() => _stdout.Dispose();
}
