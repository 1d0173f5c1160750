namespace Coppice.Text.Patterns;

/// <summary>What one step of a compiled pattern does.</summary>
internal enum Operation
{
    /// <summary>Consumes one code point of the set.</summary>
    One,

    /// <summary>Consumes from Least to Most code points of the set.</summary>
    Loop,

    /// <summary>Tries the alternatives of a table in order.</summary>
    Choose,

    /// <summary>Goes on at Target, and at Other if that fails.</summary>
    Split,

    /// <summary>Goes on at Target.</summary>
    Jump,

    /// <summary>Keeps the position in the register Target.</summary>
    Mark,

    /// <summary>Fails if nothing was consumed since the Mark with the same register.</summary>
    Progress,

    /// <summary>Asks for a place.</summary>
    At,

    /// <summary>Asks whether the next (or the last) code point belongs to the set.</summary>
    LookOne,

    /// <summary>Asks whether the inner program matches from here, or from Least code points before.</summary>
    Look,

    /// <summary>Consumes the first match of the inner program.</summary>
    Atomic,

    /// <summary>The end of the pattern.</summary>
    Match,
}

/// <summary>One step of a compiled pattern; which fields count depends on the operation.</summary>
internal struct Instruction
{
    public Operation Operation;
    public int Target;
    public int Other;
    public CharacterSet? Set;
    public int Least;
    public int Most;
    public Greed Greed;
    public Place Place;
    public bool Negated;
    public bool Behind;
    public ChoiceTable? Choice;
    public PatternProgram? Inner;
}

/// <summary>A compiled pattern, by name, or the compiled inside of a look-around or an atomic group.</summary>
internal sealed record PatternProgram(Instruction[] Instructions, int Registers, string Name);

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
        for (var letter = 0; letter < 128; letter++)
        {
            var part = letter < 64 ? first.Low : first.High;
            if (first.Nullable || (part >> (letter & 63) & 1) != 0) _masks[letter] |= bit;
        }
        if (first.Nullable || first.Beyond) _masks[Beyond] |= bit;
        if (first.Nullable) _masks[End] |= bit;
    }

    /// <summary>The alternatives worth trying at <paramref name="position"/>, the first in the lowest bit.</summary>
    public ulong Possible(ReadOnlySpan<char> text, int position) =>
        position >= text.Length ? _masks[End] : _masks[Math.Min((int)text[position], Beyond)];
}

/// <summary>The characters that a part of a pattern can begin with; nullable if it may consume nothing.</summary>
internal readonly record struct FirstSet(ulong Low, ulong High, bool Beyond, bool Nullable)
{
    /// <summary>Whether a match may begin with this character.</summary>
    public bool Allows(char letter) =>
        Nullable || (letter < 64 ? (Low >> letter & 1) != 0 : letter < 128 ? (High >> (letter - 64) & 1) != 0 : Beyond);

    public static FirstSet Of(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.One one:
                return new FirstSet(one.Set.Ascii.Low, one.Set.Ascii.High, Beyond: true, Nullable: false);
            case PatternNode.Choice choice:
                return choice.Alternatives.Select(Of).Aggregate((left, right) => left.Or(right, left.Nullable || right.Nullable));
            case PatternNode.Repeat repeat:
                var part = Of(repeat.Part);
                return part with { Nullable = part.Nullable || repeat.Least == 0 };
            case PatternNode.Atomic atomic:
                return Of(atomic.Part);
            case PatternNode.Chain chain:
                var first = new FirstSet(0, 0, Beyond: false, Nullable: true);
                foreach (var link in chain.Parts)
                {
                    if (!first.Nullable) break;
                    var next = Of(link);
                    first = first.Or(next, next.Nullable);
                }
                return first;
            default:
                return new FirstSet(0, 0, Beyond: false, Nullable: true);
        }
    }

    private FirstSet Or(FirstSet other, bool nullable) => new(Low | other.Low, High | other.High, Beyond || other.Beyond, nullable);
}
