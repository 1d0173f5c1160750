using System.Globalization;

namespace Coppice.Constraints.Languages;

/// <summary>A set of Unicode code points as sorted, disjoint, inclusive ranges that do not touch.</summary>
internal sealed class CharSet : IEquatable<CharSet>
{
    /// <summary>The largest code point.</summary>
    public const int Last = 0x10FFFF;

    private static readonly Dictionary<string, CharSet> Categories = [];
    private readonly int[] _bounds;
    private readonly int _hash;

    /// <summary>
    /// The set of <paramref name="bounds"/>: first and last code point of each range in turn, in any order, which may overlap.
    /// </summary>
    public CharSet(params ReadOnlySpan<int> bounds)
    {
        _bounds = Normalized(bounds);
        var hash = new HashCode();
        foreach (var bound in _bounds) hash.Add(bound);
        _hash = hash.ToHashCode();
    }

    /// <summary>Every code point that UTF-8 can hold: surrogates are not among them.</summary>
    public static CharSet All { get; } = new(0, 0xD7FF, 0xE000, Last);

    /// <summary>No code point.</summary>
    public static CharSet None { get; } = new();

    /// <summary>What a dot in an ECMA-262 pattern does not match.</summary>
    public static CharSet LineEnds { get; } = new('\n', '\n', '\r', '\r', 0x2028, 0x2029);

    /// <summary>\d.</summary>
    public static CharSet Digits { get; } = new('0', '9');

    /// <summary>\w.</summary>
    public static CharSet Words { get; } = new('0', '9', 'A', 'Z', '_', '_', 'a', 'z');

    /// <summary>\s of ECMA-262.</summary>
    public static CharSet Spaces { get; } =
        new(9, 13, ' ', ' ', 0xA0, 0xA0, 0x1680, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x202F, 0x205F, 0x205F, 0x3000, 0x3000,
            0xFEFF, 0xFEFF);

    /// <summary>First and last code point of each range in turn.</summary>
    public ReadOnlySpan<int> Bounds => _bounds;

    /// <summary>Whether no code point is in it.</summary>
    public bool IsEmpty => _bounds.Length == 0;

    /// <summary>Whether <paramref name="codePoint"/> is in it.</summary>
    public bool Contains(int codePoint)
    {
        var (low, high) = (0, (_bounds.Length / 2) - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (codePoint < _bounds[2 * middle]) high = middle - 1;
            else if (codePoint > _bounds[(2 * middle) + 1]) low = middle + 1;
            else return true;
        }
        return false;
    }

    /// <summary>All code points of either set.</summary>
    public CharSet Union(CharSet other) => new([.. _bounds, .. other._bounds]);

    /// <summary>All code points of UTF-8 that are not in the set.</summary>
    public CharSet Complement()
    {
        var result = new List<int>();
        var next = 0;
        for (var i = 0; i < _bounds.Length; i += 2)
        {
            if (_bounds[i] > next) AddWithoutSurrogates(result, next, _bounds[i] - 1);
            next = _bounds[i + 1] + 1;
        }
        if (next <= Last) AddWithoutSurrogates(result, next, Last);
        return new CharSet([.. result]);
    }

    /// <summary>The letters of the set in upper and lower case, by simple case mapping.</summary>
    public CharSet IgnoringCase()
    {
        var result = new List<int>(_bounds);
        for (var i = 0; i < _bounds.Length; i += 2)
            for (var c = _bounds[i]; c <= Math.Min(_bounds[i + 1], 0xFFFF); c++)
            {
                if (char.IsSurrogate((char)c)) continue;
                var (upper, lower) = (char.ToUpperInvariant((char)c), char.ToLowerInvariant((char)c));
                if (upper != c) result.AddRange([upper, upper]);
                if (lower != c) result.AddRange([lower, lower]);
            }
        return new CharSet([.. result]);
    }

    /// <summary>The code points of a general category such as "Lu" or of a group such as "L"; null where the name is none.</summary>
    public static CharSet? Category(string name)
    {
        lock (Categories)
        {
            if (Categories.TryGetValue(name, out var known)) return known;
            var found = FindCategory(name);
            if (found is not null) Categories[name] = found;
            return found;
        }
    }

    public bool Equals(CharSet? other) => other is not null && _hash == other._hash && _bounds.AsSpan().SequenceEqual(other._bounds);

    public override bool Equals(object? obj) => obj is CharSet other && Equals(other);

    public override int GetHashCode() => _hash;

    private static CharSet? FindCategory(string name)
    {
        if (name is "Any") return All;
        if (name is "ASCII") return new CharSet(0, 0x7F);
        var letters = name switch
        {
            "Alphabetic" or "Letter" => "L",
            "Uppercase" or "Uppercase_Letter" => "Lu",
            "Lowercase" or "Lowercase_Letter" => "Ll",
            "digit" or "Decimal_Number" => "Nd",
            "Number" => "N",
            "Punctuation" or "punct" => "P",
            "Space_Separator" => "Zs",
            "White_Space" => "Zs",
            _ => name,
        };
        if (name == "White_Space") return Spaces;
        var result = new List<int>();
        for (var c = 0; c <= Last; c++)
        {
            if (c is >= 0xD800 and < 0xE000) continue;
            if (!Code(CharUnicodeInfo.GetUnicodeCategory(c)).StartsWith(letters, StringComparison.Ordinal)) continue;
            if (result.Count > 0 && result[^1] == c - 1) result[^1] = c;
            else result.AddRange([c, c]);
        }
        return result.Count == 0 ? null : new CharSet([.. result]);
    }

    private static string Code(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => "Lu",
        UnicodeCategory.LowercaseLetter => "Ll",
        UnicodeCategory.TitlecaseLetter => "Lt",
        UnicodeCategory.ModifierLetter => "Lm",
        UnicodeCategory.OtherLetter => "Lo",
        UnicodeCategory.NonSpacingMark => "Mn",
        UnicodeCategory.SpacingCombiningMark => "Mc",
        UnicodeCategory.EnclosingMark => "Me",
        UnicodeCategory.DecimalDigitNumber => "Nd",
        UnicodeCategory.LetterNumber => "Nl",
        UnicodeCategory.OtherNumber => "No",
        UnicodeCategory.SpaceSeparator => "Zs",
        UnicodeCategory.LineSeparator => "Zl",
        UnicodeCategory.ParagraphSeparator => "Zp",
        UnicodeCategory.Control => "Cc",
        UnicodeCategory.Format => "Cf",
        UnicodeCategory.PrivateUse => "Co",
        UnicodeCategory.ConnectorPunctuation => "Pc",
        UnicodeCategory.DashPunctuation => "Pd",
        UnicodeCategory.OpenPunctuation => "Ps",
        UnicodeCategory.ClosePunctuation => "Pe",
        UnicodeCategory.InitialQuotePunctuation => "Pi",
        UnicodeCategory.FinalQuotePunctuation => "Pf",
        UnicodeCategory.OtherPunctuation => "Po",
        UnicodeCategory.MathSymbol => "Sm",
        UnicodeCategory.CurrencySymbol => "Sc",
        UnicodeCategory.ModifierSymbol => "Sk",
        UnicodeCategory.OtherSymbol => "So",
        _ => "Cn",
    };

    private static void AddWithoutSurrogates(List<int> bounds, int first, int last)
    {
        if (first < 0xD800) bounds.AddRange([first, Math.Min(last, 0xD7FF)]);
        if (last > 0xDFFF) bounds.AddRange([Math.Max(first, 0xE000), last]);
    }

    private static int[] Normalized(ReadOnlySpan<int> bounds)
    {
        var ranges = new (int First, int Last)[bounds.Length / 2];
        for (var i = 0; i < ranges.Length; i++) ranges[i] = (bounds[2 * i], bounds[(2 * i) + 1]);
        Array.Sort(ranges);
        var result = new List<int>(bounds.Length);
        foreach (var (first, last) in ranges)
        {
            if (first > last) continue;
            if (result.Count > 0 && first <= result[^1] + 1) result[^1] = Math.Max(result[^1], last);
            else result.AddRange([first, last]);
        }
        return [.. result];
    }
}
