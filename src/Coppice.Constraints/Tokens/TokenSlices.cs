using System.Text;
using Coppice.Constraints.Languages;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Tokens;

/// <summary>
/// The vocabulary split once by the characters that its tokens are made of, for masks in JSON strings: where a string may go on with any
/// character of a slice, all of its tokens are allowed at once, and only the others are walked.
/// </summary>
/// <remarks>Tokens that can never come in a string are in no slice: those in which a control character comes before any quote.</remarks>
internal sealed class TokenSlices
{
    /// <summary>Plain tokens with more characters than this count as this long.</summary>
    public const int LongestCounted = 64;

    private static readonly CharSet[] Classes =
    [
        new('a', 'z'),
        new('A', 'Z', 'a', 'z'),
        new('0', '9', 'A', 'Z', 'a', 'z'),
        new(' ', ' ', '0', '9', 'A', 'Z', 'a', 'z'),
        new(' ', '!', '#', '[', ']', '~'),
        new(' ', '!', '#', '[', ']', CharSet.Last),
    ];

    private readonly ulong[][] _upTo = new ulong[LongestCounted + 1][];
    private readonly int[]?[] _tails;

    public TokenSlices(TokenVocabulary vocabulary)
    {
        _tails = new int[vocabulary.Count][];
        for (var length = 0; length <= LongestCounted; length++) _upTo[length] = new ulong[vocabulary.MaskWords];
        var members = Array.ConvertAll(Classes, _ => new List<(int Length, int Id)>());
        var (partial, rest) = (new List<(int Length, int Id)>(), new List<int>());
        var tails = new SortedSet<byte[]>(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b))) { Array.Empty<byte>() };
        for (var id = 0; id < vocabulary.Count; id++)
        {
            var bytes = vocabulary.BytesOf(id);
            var (control, quote) = (bytes.IndexOfAnyInRange((byte)0, (byte)0x1F), bytes.IndexOfAny((byte)'"', (byte)'\\'));
            if (quote >= 0 && (control < 0 || quote < control))
            {
                rest.Add(id);
                for (var i = 0; i < bytes.Length; i++)
                    if (bytes[i] == '"') tails.Add(bytes[(i + 1)..].ToArray());
            }
            else if (bytes.Length > 0 && control < 0 && CountOf(bytes, out var isWhole, out var seen) is var characters and >= 0)
            {
                if (isWhole) members[Array.FindIndex(Classes, set => seen.All(set.Contains))].Add((characters, id));
                else partial.Add((characters + 1, id));
                if (!isWhole) continue;
                LongestPlain = Math.Max(LongestPlain, characters);
                for (var length = Math.Min(characters, LongestCounted); length <= LongestCounted; length++)
                    _upTo[length][id >> 6] |= 1UL << id;
            }
        }
        Plain = [.. members.Select((list, index) => new TokenSlice(vocabulary, index, Classes[index], list))];
        Partial = new TokenSlice(vocabulary, Classes.Length, Classes[^1], partial);
        Rest = new TokenTrie(vocabulary, rest, vocabulary.Trie.Twins);
        Tails = new TailTrie([.. tails]);
        foreach (var id in rest)
        {
            var bytes = vocabulary.BytesOf(id);
            var ids = new int[bytes.Length + 1];
            for (var i = 0; i < bytes.Length; i++)
                if (bytes[i] == '"') ids[i + 1] = Tails.IdOf(bytes[(i + 1)..]);
            _tails[id] = ids;
        }
        Quoted = new QuotedTokens(vocabulary, rest, Classes[^1], TailOf);
    }

    /// <summary>Tokens of whole characters none of which a JSON string has to escape, each in the first slice that fits.</summary>
    public IReadOnlyList<TokenSlice> Plain { get; }

    /// <summary>The same with the beginning of one more character at their end, which counts as one.</summary>
    public TokenSlice Partial { get; }

    /// <summary>Tokens with quotes or backslashes.</summary>
    public TokenTrie Rest { get; }

    /// <summary>The same, read as the rest of a string.</summary>
    public QuotedTokens Quoted { get; }

    /// <summary>What comes after quotes in tokens.</summary>
    public TailTrie Tails { get; }

    /// <summary>Code points of the longest plain token.</summary>
    public int LongestPlain { get; }

    /// <summary>
    /// The number in <see cref="Tails"/> of what comes in <paramref name="token"/> after the quote before byte <paramref name="start"/>.
    /// </summary>
    public int TailOf(int token, int start) => _tails[token]![start];

    /// <summary>The mask of the plain tokens with at most <paramref name="characters"/> code points.</summary>
    public ulong[] UpTo(int characters) =>
        _upTo[characters >= LongestPlain ? LongestCounted : Math.Clamp(characters, 0, LongestCounted - 1)];

    /// <summary>Whole characters, and which they are; -1 where the bytes are not the beginning of UTF-8.</summary>
    private static int CountOf(ReadOnlySpan<byte> bytes, out bool isWhole, out HashSet<int> seen)
    {
        var (count, part) = (0, 0);
        (isWhole, seen) = (false, []);
        foreach (var value in bytes)
        {
            part = Utf8Part.Step(part, value, out var codePoint);
            if (part < 0) return -1;
            if (part > 0) continue;
            count++;
            seen.Add(codePoint);
        }
        isWhole = part == 0;
        return count;
    }
}

/// <summary>Tokens made of the characters of one class.</summary>
internal sealed class TokenSlice
{
    private readonly Lazy<TokenTrie> _trie;
    private readonly int[] _ids;        // the shortest first
    private readonly int[] _counts;     // by length: how many are at most as long
    private readonly ulong[] _all;

    /// <summary>A slice of <paramref name="members"/>, with their lengths in characters.</summary>
    public TokenSlice(TokenVocabulary vocabulary, int index, CharSet characters, List<(int Length, int Id)> members)
    {
        members.Sort();
        (Index, Characters, Longest) = (index, characters, members.Count == 0 ? 0 : members[^1].Length);
        _ids = [.. members.Select(member => member.Id)];
        _counts = new int[Longest + 1];
        foreach (var (length, _) in members) _counts[length]++;
        for (var length = 1; length <= Longest; length++) _counts[length] += _counts[length - 1];
        _all = new ulong[vocabulary.MaskWords];
        foreach (var id in _ids) _all[id >> 6] |= 1UL << id;
        _trie = new Lazy<TokenTrie>(() => new TokenTrie(vocabulary, _ids, vocabulary.Trie.Twins));
    }

    /// <summary>Number among the slices.</summary>
    public int Index { get; }

    /// <summary>What its tokens are made of.</summary>
    public CharSet Characters { get; }

    /// <summary>Characters of its longest token.</summary>
    public int Longest { get; }

    public TokenTrie Trie => _trie.Value;

    /// <summary>Its tokens by their characters.</summary>
    public IEnumerable<(int Characters, ArraySegment<int> Tokens)> ByLength()
    {
        for (var length = 1; length <= Longest; length++)
            if (_counts[length] > _counts[length - 1])
                yield return (length, new ArraySegment<int>(_ids, _counts[length - 1], _counts[length] - _counts[length - 1]));
    }

    /// <summary>Allows all of its tokens with at most <paramref name="characters"/> characters.</summary>
    public void Allow(Span<ulong> mask, int characters)
    {
        if (characters >= Longest)
        {
            for (var i = 0; i < _all.Length; i++) mask[i] |= _all[i];
            return;
        }
        foreach (var id in _ids.AsSpan(0, characters <= 0 ? 0 : _counts[characters])) mask[id >> 6] |= 1UL << id;
    }
}
