using System.Text;

namespace Coppice.Decoding;

/// <summary>Finds the first stop string in a text that arrives in pieces, and holds back what may be the beginning of one.</summary>
internal sealed class StopStrings(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _held = new();

    /// <summary>Whether a stop string was found; nothing more comes out then.</summary>
    public bool Found { get; private set; }

    /// <summary>Takes the next piece and returns what is certain not to belong to a stop string.</summary>
    public string Append(string piece)
    {
        if (stops.Count == 0) return piece;
        if (Found) return "";
        _held.Append(piece);
        var text = _held.ToString();
        _held.Clear();
        if (FirstStop(text) is { } stop)
        {
            Found = true;
            return text[..stop];
        }
        var open = OpenFrom(text);
        _held.Append(text, open, text.Length - open);
        return text[..open];
    }

    /// <summary>Returns what was held back: the text has ended.</summary>
    public string Flush()
    {
        var text = _held.ToString();
        _held.Clear();
        return text;
    }

    private int? FirstStop(string text)
    {
        int? first = null;
        foreach (var stop in stops)
        {
            var at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && (first is null || at < first)) first = at;
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
                if (stop.AsSpan().StartsWith(end, StringComparison.Ordinal)) return start;
            }
        }
        return text.Length;
    }
}
