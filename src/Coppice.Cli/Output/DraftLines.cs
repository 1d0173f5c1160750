using System.Globalization;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary>
/// Drafts as lines with their scores below what they have in common, which is shown once: in a terminal they grow in place, elsewhere they
/// are written when they are done.
/// </summary>
internal sealed class DraftLines(string prompt, CommandOutput output) : IDisposable
{
    private readonly bool _isLive = output.ShowsTables && AnsiConsole.Profile.Capabilities is { Ansi: true, Interactive: true };
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
        var isWord = length == Math.Min(one.Length, other.Length);
        while (!isWord && length > 0 && !char.IsWhiteSpace(one[length])) length--;
        return one[..length];
    }

    private static string OneLine(string text) =>
        text.Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal).Replace('\u001b', ' ');

    private static string Fit(string line, int columns) => line.Length <= columns ? line : line[..Math.Max(columns - 1, 0)] + "…";
}
