using Coppice.Text.Unicode;

namespace Coppice.Text;

/// <summary>
/// Where the units of a rewritten text (its chars, or the bytes of its UTF-8) come from in the chars of the text before: unit i comes from
/// chars starts[i] to ends[i]. Several units may come from one character, and an inserted unit comes from an empty stretch.
/// </summary>
internal sealed class Alignment
{
    private readonly List<int> _starts = [];
    private readonly List<int> _ends = [];

    /// <summary>The alignment of the UTF-8 bytes of <paramref name="text"/>; half a surrogate pair has the bytes of U+FFFD.</summary>
    public static Alignment OfBytes(ReadOnlySpan<char> text)
    {
        var alignment = new Alignment();
        for (int i = 0, length; i < text.Length; i += length)
        {
            var letter = CodePoints.At(text, i, out length);
            alignment.Add(letter switch { < 0x80 => 1, < 0x800 => 2, < 0x10000 => 3, _ => 4 }, i, i + length);
        }
        return alignment;
    }

    /// <summary>
    /// The next <paramref name="units"/> units all come from the chars from <paramref name="start"/> to <paramref name="end"/>.
    /// </summary>
    public void Add(int units, int start, int end)
    {
        for (var i = 0; i < units; i++)
        {
            _starts.Add(start);
            _ends.Add(end);
        }
    }

    /// <summary>The chars that the units of <paramref name="span"/> come from: characters count whole.</summary>
    public TokenSpan Before(TokenSpan span)
    {
        if (span.Start < span.End) return new TokenSpan(_starts[span.Start], _ends[span.End - 1]);
        var at = span.Start < _starts.Count ? _starts[span.Start] : _ends.Count > 0 ? _ends[^1] : 0;
        return new TokenSpan(at, at);
    }

    /// <summary>Replaces spans of units, from the one at <paramref name="first"/> on, by what they come from.</summary>
    public void Apply(List<TokenSpan> spans, int first)
    {
        for (var i = first; i < spans.Count; i++) spans[i] = Before(spans[i]);
    }
}
