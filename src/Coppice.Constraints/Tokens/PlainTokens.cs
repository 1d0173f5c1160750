using System.Text;

namespace Coppice.Constraints.Tokens;

/// <summary>
/// The vocabulary split once: plain tokens, whole characters none of which a JSON string has to escape, and the rest. Where a string may
/// hold anything, all plain tokens of fitting length are allowed at once and only the rest is walked.
/// </summary>
internal sealed class PlainTokens
{
    /// <summary>Plain tokens with more characters than this count as this long.</summary>
    public const int LongestCounted = 64;

    private readonly ulong[][] _upTo = new ulong[LongestCounted + 1][];

    public PlainTokens(TokenVocabulary vocabulary)
    {
        var rest = new List<int>();
        for (var length = 0; length <= LongestCounted; length++) _upTo[length] = new ulong[vocabulary.MaskWords];
        for (var id = 0; id < vocabulary.Count; id++)
        {
            var bytes = vocabulary.BytesOf(id);
            if (bytes.Length == 0) continue;
            if (!IsPlain(bytes))
            {
                rest.Add(id);
                continue;
            }
            var characters = Encoding.UTF8.GetCharCount(bytes) - CountOf(bytes, 0xF0);
            Longest = Math.Max(Longest, characters);
            for (var length = Math.Min(characters, LongestCounted); length <= LongestCounted; length++) _upTo[length][id >> 6] |= 1UL << id;
        }
        Rest = new TokenTrie(vocabulary, rest);
    }

    /// <summary>All tokens that are not plain.</summary>
    public TokenTrie Rest { get; }

    /// <summary>Characters of the longest plain token.</summary>
    public int Longest { get; }

    /// <summary>The mask of the plain tokens with at most <paramref name="characters"/> code points.</summary>
    public ulong[] UpTo(int characters) => _upTo[characters >= Longest ? LongestCounted : Math.Clamp(characters, 0, LongestCounted - 1)];

    private static bool IsPlain(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
            if (value < 0x20 || value == '"' || value == '\\') return false;
        return System.Text.Unicode.Utf8.IsValid(bytes);
    }

    private static int CountOf(ReadOnlySpan<byte> bytes, byte least)
    {
        var count = 0;
        foreach (var value in bytes)
            if (value >= least) count++;
        return count;
    }
}
