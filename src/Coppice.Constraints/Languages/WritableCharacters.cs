using System.Globalization;
using System.Text;

namespace Coppice.Constraints.Languages;

/// <summary>Which characters can be written without some bytes: as they are in UTF-8, and in a JSON string also by an escape.</summary>
internal sealed class WritableCharacters(byte[] missing, bool inStrings)
{
    private readonly Dictionary<(int Low, int High), int> _found = [];

    /// <summary>One of the characters from <paramref name="low"/> to <paramref name="high"/>; -1 where there is none.</summary>
    public int Find(int low, int high)
    {
        if (_found.TryGetValue((low, high), out var known)) return known;
        var codePoint = low;
        while (codePoint <= high && !CanWrite(codePoint)) codePoint++;
        return _found[(low, high)] = codePoint <= high ? codePoint : -1;
    }

    /// <summary>Whether there is one in <paramref name="set"/>.</summary>
    public bool HasAny(CharSet set)
    {
        for (var range = 0; range < set.Bounds.Length; range += 2)
            if (Find(set.Bounds[range], set.Bounds[range + 1]) >= 0) return true;
        return false;
    }

    private bool CanWrite(int codePoint)
    {
        if (!Rune.TryCreate(codePoint, out var rune)) return false;
        Span<byte> bytes = stackalloc byte[4];
        var isPlain = !inStrings || (codePoint >= ' ' && codePoint is not ('"' or '\\'));
        if (isPlain && Has(bytes[..rune.EncodeToUtf8(bytes)])) return true;
        if (!inStrings || !Has("\\"u8)) return false;
        var letter = codePoint switch
        {
            '"' or '\\' or '/' => (char)codePoint,
            '\b' => 'b',
            '\f' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            _ => '\0',
        };
        if (letter != '\0' && Has([(byte)letter])) return true;
        if (!Has("u"u8)) return false;
        foreach (var unit in rune.ToString())
            foreach (var digit in ((int)unit).ToString("x4", CultureInfo.InvariantCulture))
                if (!Has([(byte)digit]) && !Has([(byte)char.ToUpperInvariant(digit)])) return false;
        return true;
    }

    private bool Has(ReadOnlySpan<byte> bytes) => bytes.IndexOfAny(missing) < 0;
}
