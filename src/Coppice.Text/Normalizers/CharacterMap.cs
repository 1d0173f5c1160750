using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.Normalizers;

/// <summary>
/// SentencePiece's compiled character map: a double-array trie (Darts) from UTF-8 to places in a block of replacement texts, each ended by
/// a zero byte.
/// </summary>
internal sealed class CharacterMap : Normalizer
{
    // Longer clusters are looked up character by character only.
    private const int LongestCluster = 5;

    private readonly uint[] _units;
    private readonly byte[] _texts;
    private readonly string?[]?[] _alone = new string?[]?[256];
    private readonly CodePointProperty _stays;

    private CharacterMap(uint[] units, byte[] texts)
    {
        _units = units;
        _texts = texts;
        _stays = new CodePointProperty(letter => StandsAlone.Holds(letter) && Replaced((char)letter) is [var only] && only == letter);
    }

    /// <summary>
    /// Characters of the first plane that are clusters of their own beside others of this property: neither extend what stands before them
    /// nor hold what follows. Letters of Hangul join each other, line ends too.
    /// </summary>
    internal static CodePointProperty StandsAlone { get; } = new(letter =>
        letter is not ('\r' or >= 0x1100 and <= 0x11FF or >= 0xA960 and <= 0xA97F or >= 0xD7B0 and <= 0xDFFF)
            && StringInfo.GetNextTextElementLength($"{(char)letter}a") == 1
                && StringInfo.GetNextTextElementLength($"a{(char)letter}") == 1);

    /// <summary>The map in its binary form: the trie's size in bytes, the trie, the texts; null where the sizes do not fit.</summary>
    public static CharacterMap? Parse(ReadOnlySpan<byte> data)
    {
        if (data.Length < 4) return null;
        var size = BinaryPrimitives.ReadUInt32LittleEndian(data);
        if (size % 4 != 0 || size > data.Length - 4) return null;
        var units = new uint[size / 4];
        for (var i = 0; i < units.Length; i++) units[i] = BinaryPrimitives.ReadUInt32LittleEndian(data[(4 + i * 4)..]);
        return new CharacterMap(units, data[(4 + (int)size)..].ToArray());
    }

    /// <inheritdoc/>
    public override bool IsLocal => true;

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart)
    {
        var same = SameUntil(text, 0);
        if (same == text.Length) return text;
        var result = new StringBuilder(text.Length);
        Span<byte> bytes = stackalloc byte[8];
        for (int i = 0, length; i < text.Length; i += length)
        {
            if (i > 0) same = SameUntil(text, i);
            if (same > i)
            {
                length = same - i;
                result.Append(text, i, length);
                continue;
            }
            if (StandsAlone.Holds(text[i]) && (i + 1 == text.Length || StandsAlone.Holds(text[i + 1])))
            {
                length = 1;
                result.Append(Alone(text[i]));
                continue;
            }
            length = StringInfo.GetNextTextElementLength(text, i);
            var cluster = text.AsSpan(i, length);
            if (Encoding.UTF8.GetByteCount(cluster) <= LongestCluster
                && TryReplace(bytes[..Encoding.UTF8.GetBytes(cluster, bytes)], result)) continue;
            foreach (var letter in cluster.EnumerateRunes())
            {
                var count = letter.EncodeToUtf8(bytes);
                if (!TryReplace(bytes[..count], result)) result.Append(letter.ToString());
            }
        }
        return result.ToString();
    }

    // The end of the characters from start on that are clusters of their own and stay as they are.
    private int SameUntil(string text, int start)
    {
        var end = start;
        while (end < text.Length && _stays.Holds(text[end])) end++;
        // The last of them may have what follows in its cluster.
        return end > start && end < text.Length && !StandsAlone.Holds(text[end]) ? end - 1 : end;
    }

    // What becomes of a single character is remembered, in pages of 256.
    private string Alone(char letter)
    {
        var page = _alone[letter >> 8] ??= new string?[256];
        return page[letter & 0xFF] ??= Replaced(letter);
    }

    private string Replaced(char letter)
    {
        Span<byte> bytes = stackalloc byte[4];
        var result = new StringBuilder();
        if (!TryReplace(bytes[..new Rune(letter).EncodeToUtf8(bytes)], result)) result.Append(letter);
        return result.ToString();
    }

    // As in the original the shortest key that the characters begin with decides for all of them.
    private bool TryReplace(ReadOnlySpan<byte> key, StringBuilder output)
    {
        if (Find(key) is not { } place || place >= _texts.Length) return false;
        var text = _texts.AsSpan(place);
        var end = text.IndexOf((byte)0);
        output.Append(Encoding.UTF8.GetString(end < 0 ? text : text[..end]));
        return true;
    }

    private int? Find(ReadOnlySpan<byte> key)
    {
        if (_units.Length == 0) return null;
        var at = Offset(_units[0]);
        foreach (var part in key)
        {
            if (part == 0) break;
            at ^= part;
            if (at >= (uint)_units.Length || (_units[at] & 0x800000FF) != part) return null;
            var unit = _units[at];
            at ^= Offset(unit);
            if (at >= (uint)_units.Length) return null;
            if ((unit >> 8 & 1) != 0) return (int)(_units[at] & 0x7FFFFFFF);
        }
        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 1u << 9) >> 6);
}
