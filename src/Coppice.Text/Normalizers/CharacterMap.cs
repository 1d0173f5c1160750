using System.Buffers.Binary;
using System.Globalization;
using System.Text;

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
    private readonly string[] _ascii = new string[128];

    private CharacterMap(uint[] units, byte[] texts)
    {
        _units = units;
        _texts = texts;
        for (var letter = 0; letter < _ascii.Length; letter++)
        {
            var replaced = new StringBuilder();
            if (!TryReplace([(byte)letter], replaced)) replaced.Append((char)letter);
            _ascii[letter] = replaced.ToString();
        }
    }

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
    public override string Normalize(string text, ref bool atStart)
    {
        var result = new StringBuilder(text.Length);
        Span<byte> bytes = stackalloc byte[8];
        for (int i = 0, length; i < text.Length; i += length)
        {
            // Between two ASCII characters a cluster ends, except between the two of a line end.
            if (text[i] < 0x80 && text[i] != '\r' && (i + 1 == text.Length || text[i + 1] < 0x80))
            {
                length = 1;
                result.Append(_ascii[text[i]]);
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
