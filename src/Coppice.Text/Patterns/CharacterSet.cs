using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>A set of code points: general categories, ranges and other sets, possibly negated and intersected.</summary>
internal sealed class CharacterSet
{
    private readonly uint _categories;
    private readonly int[] _ranges;
    private readonly CharacterSet[] _members;
    private readonly bool _intersects;
    private readonly bool _negated;
    private readonly ulong _asciiLow;
    private readonly ulong _asciiHigh;
    private CodePointProperty? _beyond;

    /// <summary>
    /// The union of <paramref name="categories"/> (a mask), <paramref name="ranges"/> (first, last, first, last, ...) and <paramref
    /// name="members"/>;
    /// with <paramref name="intersects"/> the intersection of the members instead.
    /// </summary>
    public CharacterSet(uint categories = 0, int[]? ranges = null, CharacterSet[]? members = null, bool intersects = false,
        bool negated = false)
    {
        _categories = categories;
        _ranges = ranges ?? [];
        _members = members ?? [];
        _intersects = intersects;
        _negated = negated;
        for (var i = 0; i < 64; i++)
        {
            if (Computed(i)) _asciiLow |= 1ul << i;
            if (Computed(i + 64)) _asciiHigh |= 1ul << i;
        }
    }

    /// <summary>Every code point.</summary>
    public static CharacterSet All { get; } = new(negated: true);

    /// <summary>White space: \s.</summary>
    public static CharacterSet Space { get; } = new(Categories.Separator, [0x09, 0x0D, 0x85, 0x85]);

    /// <summary>Decimal digits: \d.</summary>
    public static CharacterSet Digit { get; } = new(Categories.Named("nd"));

    /// <summary>
    /// Letters, marks, decimal digits and connectors: \w; in Oniguruma also the superscripts and fractions of Latin-1, but only outside
    /// brackets.
    /// </summary>
    public static CharacterSet Word { get; } = new(Categories.Word,
        [0xB2, 0xB3, 0xB9, 0xB9, 0xBC, 0xBE, 0x24B6, 0x24E9, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189]);

    /// <summary>The bits of the ASCII members, for tables of first characters.</summary>
    public (ulong Low, ulong High) Ascii => (_asciiLow, _asciiHigh);

    /// <summary>
    /// Its members, where they are at most <paramref name="most"/> and were given as ranges in the first plane, else null.
    /// </summary>
    public List<char>? Listed(int most)
    {
        if (_negated || _intersects || _categories != 0) return null;
        var letters = new List<char>();
        for (var i = 0; i < _ranges.Length; i += 2)
        {
            if (_ranges[i + 1] >= 0xD800 || _ranges[i + 1] - _ranges[i] >= most) return null;
            for (var letter = _ranges[i]; letter <= _ranges[i + 1]; letter++) letters.Add((char)letter);
        }
        foreach (var member in _members)
        {
            if (member.Listed(most) is not { } listed) return null;
            letters.AddRange(listed);
        }
        return letters.Count <= most ? letters : null;
    }

    /// <summary>The set of one code point, together with its other cases if <paramref name="ignoreCase"/>.</summary>
    public static CharacterSet Of(int codePoint, bool ignoreCase = false)
    {
        var variants = ignoreCase ? CaseVariants.Of(codePoint) : [codePoint];
        return new CharacterSet(ranges: variants.SelectMany(variant => new[] { variant, variant }).ToArray());
    }

    /// <summary>The complement.</summary>
    public CharacterSet Complement() => new(members: [this], negated: true);

    /// <summary>Whether the code point belongs to the set.</summary>
    public bool Contains(int codePoint)
    {
        if (codePoint < 64) return (_asciiLow >> codePoint & 1) != 0;
        if (codePoint < 128) return (_asciiHigh >> (codePoint - 64) & 1) != 0;
        return (_beyond ??= new CodePointProperty(Computed)).Holds(codePoint);
    }

    private bool Computed(int codePoint) => _negated != (_intersects ? InAll(codePoint) : InAny(codePoint));

    private bool InAny(int codePoint)
    {
        for (var i = 0; i < _ranges.Length; i += 2)
            if (codePoint >= _ranges[i] && codePoint <= _ranges[i + 1]) return true;
        if (_categories != 0 && (CodePoints.CategoryBit(codePoint) & _categories) != 0) return true;
        foreach (var member in _members)
            if (member.Contains(codePoint)) return true;
        return false;
    }

    private bool InAll(int codePoint)
    {
        foreach (var member in _members)
            if (!member.Contains(codePoint)) return false;
        return true;
    }
}
