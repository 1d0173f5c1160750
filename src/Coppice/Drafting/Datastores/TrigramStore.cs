using System.Runtime.InteropServices;

namespace Coppice.Drafting.Datastores;

/// <summary>Which tokens followed two tokens in a corpus, and how often: ADED's table. A file, mapped into memory.</summary>
/// <remarks>
/// After the header: u64 keys[count], ascending, the first token in the upper half, then (u32 token, f32 probability)[count, width], by
/// falling probability; a row that is not full ends with probability 0. Every number is checked when the file is opened.
/// </remarks>
internal sealed class TrigramStore : IDisposable
{
    /// <summary>Successors kept for a pair: as the authors' code.</summary>
    public const int Width = 12;

    private readonly DatastoreFile _file;
    private readonly int _count;

    private TrigramStore(DatastoreFile file) => (_file, _count) = (file, (int)file.Count);

    private static ReadOnlySpan<byte> Magic => "COPTRIG1"u8;

    /// <summary>Pairs of tokens, ascending.</summary>
    public ReadOnlySpan<ulong> Keys => _file.Array<ulong>(DatastoreFile.HeaderBytes, _count);

    private ReadOnlySpan<Successor> Rows => _file.Array<Successor>(DatastoreFile.HeaderBytes + 8L * _count, _count * Width);

    /// <summary>A key for two tokens.</summary>
    public static ulong Key(int first, int second) => ((ulong)(uint)first << 32) | (uint)second;

    /// <summary>Opens a file whose tokens are below <paramref name="vocabulary"/>.</summary>
    /// <exception cref="CheckpointException">It is missing, malformed or made with another tokenizer.</exception>
    public static TrigramStore Open(string path, ReadOnlySpan<byte> fingerprint, int vocabulary)
    {
        var file = DatastoreFile.Open(path, Magic, fingerprint);
        try
        {
            if (file.Width != Width)
                throw new CheckpointException($"{file.Name}: rows must have {Width} successors, its header says {file.Width}.");
            const int MostPairs = int.MaxValue / Width / 8;
            if (file.Count > MostPairs)
                throw new CheckpointException($"{file.Name}: must have at most {MostPairs:N0} pairs, its header says {file.Count:N0}.");
            file.RequireLength(8 + 8 * Width);
            var store = new TrigramStore(file);
            store.Check((uint)vocabulary);
            return store;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes a file that counts the triples of <paramref name="documents"/>, each triple within one document.</summary>
    /// <returns>Pairs that it holds.</returns>
    public static int Build(Stream stream, ReadOnlySpan<byte> fingerprint, IEnumerable<int[]> documents)
    {
        var counts = new SortedDictionary<ulong, Dictionary<int, int>>();
        foreach (var document in documents)
        {
            for (var i = 2; i < document.Length; i++)
            {
                var key = Key(document[i - 2], document[i - 1]);
                if (!counts.TryGetValue(key, out var row)) counts.Add(key, row = []);
                row[document[i]] = row.GetValueOrDefault(document[i]) + 1;
            }
        }
        DatastoreFile.WriteHeader(stream, Magic, fingerprint, Width, counts.Count);
        foreach (var key in counts.Keys) stream.Write(MemoryMarshal.AsBytes<ulong>([key]));
        Span<Successor> successors = stackalloc Successor[Width];
        foreach (var row in counts.Values)
        {
            successors.Clear();
            var (total, at) = ((float)row.Values.Sum(), 0);
            foreach (var (token, count) in row.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key).Take(Width))
                successors[at++] = new Successor(token, count / total);
            stream.Write(MemoryMarshal.AsBytes(successors));
        }
        return counts.Count;
    }

    /// <summary>What followed the pair <paramref name="key"/>, the likeliest first; empty where it did not occur.</summary>
    public ReadOnlySpan<Successor> Row(ulong key)
    {
        var at = Keys.BinarySearch(key);
        if (at < 0) return [];
        var row = Rows.Slice(at * Width, Width);
        var length = 0;
        while (length < Width && row[length].Weight > 0) length++;
        return row[..length];
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => _file.Dispose();

    private void Check(uint vocabulary)
    {
        var before = -1L;
        foreach (var key in Keys)
        {
            if ((long)key <= before || key >> 32 >= vocabulary || (uint)key >= vocabulary)
                throw new CheckpointException(
                    $"{_file.Name}: pairs must ascend and hold tokens below {vocabulary}, found {key >> 32}, {(uint)key}.");
            before = (long)key;
        }
        foreach (var (token, weight) in Rows)
        {
            if ((uint)token >= vocabulary || !(weight is >= 0 and <= 1))
                throw new CheckpointException(
                    $"{_file.Name}: successors must be below {vocabulary} with weights from 0 to 1, found {token} with {weight}.");
        }
    }
}

/// <summary>A token that may follow, and its weight.</summary>
internal readonly record struct Successor(int Token, float Weight);
