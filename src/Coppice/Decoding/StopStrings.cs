using System.Text;

namespace Coppice.Decoding;

/// <summary>Finds the first stop string in a text that arrives in pieces, and holds back what may be the beginning of one.</summary>
/// <remarks>
/// The first is the one whose last character comes first; of those that end at the same place the longest, so that nothing of it stays in
/// the text. So what is found does not depend on how the text is cut into pieces.
/// </remarks>
internal sealed class StopStrings(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _held = new();
    private int _open;      // characters of what is held that a stop string must end after

    /// <summary>The stop string that was found, or null; nothing more comes out once there is one.</summary>
    public string? Found { get; private set; }

    /// <summary>Takes the next piece and returns what is certain not to belong to a stop string.</summary>
    /// <param name="piece">A piece of the text.</param>
    /// <param name="counts">Whether a stop string that is complete with this piece counts.</param>
    public string Append(string piece, bool counts = true)
    {
        if (stops.Count == 0) return piece;
        if (Found is not null) return "";
        _held.Append(piece);
        if (!counts) _open = _held.Length;
        var text = _held.ToString();
        _held.Clear();
        if (counts && First(text) is var (stop, end))
        {
            Found = stop;
            return text[..(end - stop.Length)];
        }
        var open = OpenFrom(text);
        _held.Append(text, open, text.Length - open);
        _open = Math.Max(_open - open, 0);
        return text[..open];
    }

    /// <summary>Returns what was held back: the text has ended.</summary>
    public string Flush()
    {
        var text = _held.ToString();
        _held.Clear();
        _open = 0;
        return text;
    }

    private (string Stop, int End)? First(string text)
    {
        (string Stop, int End)? first = null;
        foreach (var stop in stops)
        {
            var at = text.IndexOf(stop, Math.Max(_open - stop.Length + 1, 0), StringComparison.Ordinal);
            if (at < 0) continue;
            var end = at + stop.Length;
            var isFirst = first is not var (other, otherEnd) || end < otherEnd || (end == otherEnd && stop.Length > other.Length);
            if (isFirst) first = (stop, end);
        }
        return first;
    }

    /// <summary>Where the longest end of <paramref name="text"/> begins that also begins a stop string.</summary>
    private int OpenFrom(string text)
    {
        var longest = stops.Max(s => s.Length) - 1;
        for (var start = Math.Max(text.Length - longest, 0); start < text.Length; start++)
        {
            var end = text.AsSpan(start);
            foreach (var stop in stops)
            {
                if (stop.Length > end.Length && stop.AsSpan().StartsWith(end, StringComparison.Ordinal)) return start;
            }
        }
        return text.Length;
    }
}
