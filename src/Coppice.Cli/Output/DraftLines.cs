using System.Globalization;
using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Coppice.Cli;

/// <summary>
/// Drafts as lines with their scores below what they have in common, which is shown once: in a terminal that has a line for each they grow
/// in place, elsewhere they are written when they are done.
/// </summary>
/// <param name="prompt">What all go on from.</param>
/// <param name="count">Drafts at most.</param>
/// <param name="output">Where to.</param>
internal sealed class DraftLines(string prompt, int count, CommandOutput output) : IDisposable
{
    // The line with the prompt, and the one that the cursor is in.
    private readonly bool _isLive = output.ShowsTables && AnsiConsole.Profile.Capabilities is { Ansi: true, Interactive: true }
        && count + 2 <= CommandOutput.Rows;
    private string[] _lines = [];

    /// <summary>Shows the drafts after a step.</summary>
    public void Show(DraftsUpdate update)
    {
        var lines = Lines(prompt, update.Drafts.Count > 0 ? update.Drafts : update.Ended);
        if (!_isLive)
        {
            _lines = lines;
            return;
        }
        // What is longer than a line of the terminal would not be found again.
        string[] cut = [.. lines.Select(line => Fit(line, CommandOutput.Columns - 1))];
        if (_lines.Length > 0) output.Write($"\u001b[{_lines.Length}A");
        foreach (var line in cut) output.Write($"\u001b[2K{line}\n");
        for (var i = cut.Length; i < _lines.Length; i++) output.Write("\u001b[2K\n");
        if (_lines.Length > cut.Length) output.Write($"\u001b[{_lines.Length - cut.Length}A");
        output.Flush();
        _lines = cut;
    }

    /// <summary>Writes what was not shown yet.</summary>
    public void Dispose()
    {
        if (_isLive || output.Json) return;
        foreach (var line in _lines) output.WriteLine(line);
        output.Flush();
    }

    /// <summary>The prompt with what all drafts begin with, then each with its score.</summary>
    internal static string[] Lines(string prompt, IReadOnlyList<Draft> drafts)
    {
        var shared = drafts.Count < 2 ? "" : drafts.Select(draft => draft.Text).Aggregate(Common);
        return
        [
            OneLine(prompt + shared),
            .. drafts.Select(draft =>
            $"{draft.LogScore.ToString("0.00", CultureInfo.InvariantCulture),8}  {OneLine(draft.Text[shared.Length..])}"),
        ];
    }

    /// <summary>What both begin with, as far as whole words go.</summary>
    private static string Common(string one, string other)
    {
        var length = one.AsSpan().CommonPrefixLength(other);
        while (length > 0 && !(EndsWord(one, length) && EndsWord(other, length))) length--;
        return one[..length];
    }

    private static bool EndsWord(string text, int length) => length == text.Length || char.IsWhiteSpace(text[length]);

    /// <summary>The text without what moves the cursor or is no character.</summary>
    private static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            line.Append(rune.Value switch
            {
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator ? " " : rune.ToString(),
            });
        }
        return line.ToString();
    }

    /// <summary>As much of a line as <paramref name="columns"/> of a terminal show, whole characters.</summary>
    internal static string Fit(string line, int columns)
    {
        if (Columns(line) <= columns) return line;
        var fitting = new StringBuilder();
        var left = columns - 1;
        for (var characters = StringInfo.GetTextElementEnumerator(line); characters.MoveNext();)
        {
            left -= Columns(characters.GetTextElement());
            if (left < 0) break;
            fitting.Append(characters.GetTextElement());
        }
        return fitting.Append('…').ToString();
    }

    private static int Columns(string text) => Segment.CellCount([new Segment(text)]);
}
