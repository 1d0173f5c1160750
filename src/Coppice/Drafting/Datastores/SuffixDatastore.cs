using System.Runtime.InteropServices;

namespace Coppice.Drafting.Datastores;

/// <summary>Texts as tokens with their suffix array: finds every place where a few tokens occur. A file, mapped into memory.</summary>
/// <remarks>
/// As in REST (He et al. 2023), with tokens of 32 bits where its code has 16. After the header: u32 tokens[count], documents separated by
/// 2^32 - 1, then u32 suffixes[count], the starts of all suffixes in the order of their first <see cref="SortedTokens"/> tokens. Every
/// number is checked when the file is opened; the order is not, because a wrong order can only make drafts worse.
/// </remarks>
internal sealed class SuffixDatastore : IDisposable
{
    /// <summary>Separates documents.</summary>
    public const uint Border = uint.MaxValue;
    /// <summary>Tokens that suffixes are sorted by; longer matches are not looked for.</summary>
    public const int SortedTokens = 32;

    private readonly DatastoreFile _file;
    private readonly int _count;

    private SuffixDatastore(DatastoreFile file) => (_file, _count) = (file, (int)file.Count);

    private static ReadOnlySpan<byte> Magic => "COPSUFX1"u8;

    /// <summary>All tokens, <see cref="Border"/> between documents.</summary>
    public ReadOnlySpan<uint> Tokens => _file.Array<uint>(DatastoreFile.HeaderBytes, _count);

    private ReadOnlySpan<uint> Suffixes => _file.Array<uint>(DatastoreFile.HeaderBytes + 4L * _count, _count);

    /// <summary>Opens a file whose tokens are below <paramref name="vocabulary"/>.</summary>
    /// <exception cref="CheckpointException">It is missing, malformed or made with another tokenizer.</exception>
    public static SuffixDatastore Open(string path, ReadOnlySpan<byte> fingerprint, int vocabulary)
    {
        var file = DatastoreFile.Open(path, Magic, fingerprint);
        try
        {
            file.RequireLength(8);
            var store = new SuffixDatastore(file);
            store.Check(vocabulary);
            return store;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes a file of <paramref name="documents"/>.</summary>
    /// <returns>Tokens and borders that it holds.</returns>
    public static int Build(Stream stream, ReadOnlySpan<byte> fingerprint, IEnumerable<int[]> documents)
    {
        var tokens = new List<uint>();
        foreach (var document in documents)
        {
            foreach (var token in document) tokens.Add((uint)token);
            tokens.Add(Border);
        }
        var suffixes = new uint[tokens.Count];
        for (var i = 0; i < suffixes.Length; i++) suffixes[i] = (uint)i;
        var all = tokens.ToArray();
        Array.Sort(suffixes, (a, b) => Compare(all, a, b));
        DatastoreFile.WriteHeader(stream, Magic, fingerprint, SortedTokens, suffixes.Length);
        stream.Write(MemoryMarshal.AsBytes<uint>(all));
        stream.Write(MemoryMarshal.AsBytes<uint>(suffixes));
        return suffixes.Length;
    }

    /// <summary>Finds the longest end of <paramref name="context"/> that occurs, at most <paramref name="longest"/> tokens long.</summary>
    /// <returns>Its length, 0 for none, and the range of its places for <see cref="Next"/>.</returns>
    public (int Length, int First, int Count) Find(ReadOnlySpan<int> context, int longest)
    {
        for (var length = Math.Min(Math.Min(longest, SortedTokens), context.Length); length > 0; length--)
        {
            var pattern = context[^length..];
            var first = Bound(pattern, after: false);
            var count = Bound(pattern, after: true) - first;
            if (count > 0) return (length, first, count);
        }
        return (0, 0, 0);
    }

    /// <summary>
    /// The place after a match of <paramref name="length"/> tokens, by its number in the range that <see cref="Find"/> gave.
    /// </summary>
    public int Next(int number, int length) => (int)Math.Min(Suffixes[number] + (long)length, _count);

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => _file.Dispose();

    private void Check(int vocabulary)
    {
        foreach (var token in Tokens)
        {
            if (token >= (uint)vocabulary && token != Border)
                throw new CheckpointException($"{_file.Name}: tokens must be below {vocabulary}, found {token}.");
        }
        foreach (var suffix in Suffixes)
        {
            if (suffix >= (uint)_count) throw new CheckpointException($"{_file.Name}: suffixes must begin below {_count}, found {suffix}.");
        }
    }

    /// <summary>The first suffix that is not before <paramref name="pattern"/>, or the first after those that begin with it.</summary>
    private int Bound(ReadOnlySpan<int> pattern, bool after)
    {
        var (low, high) = (0, _count);
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            var order = Compare((int)Suffixes[middle], pattern);
            if (order < 0 || (after && order == 0)) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private int Compare(int suffix, ReadOnlySpan<int> pattern)
    {
        var tokens = Tokens[suffix..];
        for (var i = 0; i < pattern.Length; i++)
        {
            if (i == tokens.Length) return -1;
            if (tokens[i] != (uint)pattern[i]) return tokens[i] < (uint)pattern[i] ? -1 : 1;
        }
        return 0;
    }

    private static int Compare(uint[] tokens, uint a, uint b)
    {
        for (var i = 0; i < SortedTokens; i++)
        {
            if (a + i >= tokens.Length || b + i >= tokens.Length) return b.CompareTo(a);
            if (tokens[a + i] != tokens[b + i]) return tokens[a + i].CompareTo(tokens[b + i]);
        }
        return a.CompareTo(b);
    }
}
