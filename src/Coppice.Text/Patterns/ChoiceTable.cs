namespace Coppice.Text.Patterns;

/// <summary>
/// The alternatives of a choice, and which of them can start with each ASCII character, any other character, or the end of the text.
/// </summary>
internal sealed class ChoiceTable
{
    public const int MostAlternatives = 64;

    private const int Beyond = 128;
    private const int End = 129;

    private readonly ulong[] _masks = new ulong[130];

    /// <summary>The instructions where the alternatives begin.</summary>
    public int[] Targets { get; } = new int[MostAlternatives];

    /// <summary>Notes that an alternative can begin as <paramref name="first"/> says.</summary>
    public void Allow(int alternative, FirstSet first)
    {
        var bit = 1ul << alternative;
        var (low, high) = first.Ascii;
        for (var letter = 0; letter < 128; letter++)
        {
            var part = letter < 64 ? low : high;
            if (first.Nullable || (part >> (letter & 63) & 1) != 0) _masks[letter] |= bit;
        }
        if (first.Nullable || first.Sets.Length > 0) _masks[Beyond] |= bit;
        if (first.Nullable) _masks[End] |= bit;
    }

    /// <summary>The alternatives worth trying at <paramref name="position"/>, the first in the lowest bit.</summary>
    public ulong Possible(ReadOnlySpan<char> text, int position) =>
        position >= text.Length ? _masks[End] : _masks[Math.Min((int)text[position], Beyond)];
}
