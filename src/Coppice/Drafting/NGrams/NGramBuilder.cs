using System.Numerics;
using System.Runtime.InteropServices;

namespace Coppice.Drafting.NGrams;

/// <summary>Counts the runs of tokens of documents and writes a store; memory is bounded by the shards, whatever the corpus.</summary>
/// <remarks>
/// Of every position the tokens from it on are a key of 128 bits, the first token in the highest bits, a token as its id plus 1, 0 where
/// the document has ended. Sorted keys are the tree in order, level by level. A shard of keys is sorted in memory; where there are several
/// each becomes a file of distinct keys with their counts. Files of the same rank are merged into one of the next as soon as there are
/// <see cref="MostFiles"/>, so neither open files nor buffers grow with the corpus. No run crosses the border of two documents.
/// </remarks>
internal sealed class NGramBuilder : IDisposable
{
    /// <summary>Tokens of a shard, unless another number is asked for: 64 MiB of keys.</summary>
    public const int ShardTokens = 1 << 22;
    /// <summary>Files of one rank that are merged at once.</summary>
    public const int MostFiles = 32;
    private const int KeyBits = 128, RunBytes = 24, BufferBytes = 1 << 17;

    private readonly int _orders, _tokenBits, _shardTokens;
    private readonly List<UInt128> _keys = [];
    private readonly List<List<string>> _runs = [];     // by rank: files of shards, of MostFiles shards, ...
    private readonly string _folder;
    private readonly long[] _positions;

    /// <summary>A builder for runs of up to <paramref name="orders"/> tokens.</summary>
    /// <param name="vocabulary">Ids are below it.</param>
    /// <param name="orders">From 2 to <see cref="NGramStore.MostTokens"/>.</param>
    /// <param name="folder">Where files for the time of the build go; they are deleted at its end.</param>
    /// <param name="shardTokens">Tokens that are counted in memory at once.</param>
    /// <exception cref="ArgumentException">The vocabulary is too large for runs of this length.</exception>
    public NGramBuilder(int vocabulary, int orders, string folder, int shardTokens = ShardTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(orders, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(orders, NGramStore.MostTokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(shardTokens, 1);
        _tokenBits = BitOperations.Log2((uint)vocabulary) + 1;
        if (_tokenBits * orders > KeyBits)
            throw new ArgumentException(
                $"ngrams: runs of {orders} tokens of a vocabulary of {vocabulary:N0} do not fit {KeyBits} bits "
                + $"(use orders up to {KeyBits / _tokenBits}).",
                nameof(orders));
        (Vocabulary, _orders, _folder, _shardTokens) = (vocabulary, orders, folder, shardTokens);
        _positions = new long[orders];
    }

    /// <summary>Ids are below it.</summary>
    public int Vocabulary { get; }
    /// <summary>Documents so far.</summary>
    public int Documents { get; private set; }
    /// <summary>Shards that were written to files.</summary>
    public int Shards { get; private set; }

    /// <summary>Counts one document.</summary>
    /// <exception cref="ArgumentException">An id is not in the vocabulary.</exception>
    public void Add(ReadOnlySpan<int> document)
    {
        foreach (var token in document)
        {
            if ((uint)token >= (uint)Vocabulary)
                throw new ArgumentException($"ngrams: ids must be 0..{Vocabulary - 1}, got {token}.", nameof(document));
        }
        Documents++;
        for (var order = 1; order <= _orders; order++) _positions[order - 1] += Math.Max(document.Length - order + 1, 0);
        for (var start = 0; start < document.Length; start++)
        {
            UInt128 key = 0;
            for (var i = 0; i < _orders; i++)
            {
                var next = start + i < document.Length ? (uint)document[start + i] + 1 : 0u;
                key = key << _tokenBits | next;
            }
            _keys.Add(key);
            if (_keys.Count == _shardTokens) WriteShard();
        }
    }

    /// <summary>Writes the store.</summary>
    /// <param name="stream">Receives it; must be seekable.</param>
    /// <param name="fingerprint">Of the tokenizer.</param>
    /// <param name="firstOrder">Tokens of the shortest run that counts, at least 2.</param>
    /// <param name="leastCount">Runs of at least two tokens that are rarer are left out.</param>
    public void Write(Stream stream, ReadOnlySpan<byte> fingerprint, int firstOrder = 2, int leastCount = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(firstOrder, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstOrder, _orders);
        ArgumentOutOfRangeException.ThrowIfLessThan(leastCount, 1);
        using var tree = new NGramTreeWriter(Vocabulary, _orders, leastCount, _folder);
        Span<int> tokens = stackalloc int[_orders];
        foreach (var (key, count) in Sorted())
        {
            for (var i = 0; i < _orders; i++) tokens[i] = (int)(uint)(key >> _tokenBits * (_orders - 1 - i)) & (1 << _tokenBits) - 1;
            tree.Add(tokens, count);
        }
        tree.Write(stream, fingerprint, firstOrder, _positions);
    }

    /// <summary>Deletes what the build has left.</summary>
    public void Dispose()
    {
        foreach (var run in _runs.SelectMany(rank => rank)) File.Delete(run);
        _runs.Clear();
    }

    private IEnumerable<(UInt128 Key, long Count)> Sorted()
    {
        if (_runs.Count == 0) return Distinct();
        if (_keys.Count > 0) WriteShard();
        return Merged([.. _runs.SelectMany(rank => rank)]);
    }

    /// <summary>The keys in memory in order, equal ones as one.</summary>
    private IEnumerable<(UInt128 Key, long Count)> Distinct()
    {
        _keys.Sort();
        for (var start = 0; start < _keys.Count;)
        {
            var end = start + 1;
            while (end < _keys.Count && _keys[end] == _keys[start]) end++;
            yield return (_keys[start], end - start);
            start = end;
        }
    }

    private void WriteShard()
    {
        WriteRun(Distinct(), 0);
        _keys.Clear();
        Shards++;
        for (var rank = 0; _runs[rank].Count == MostFiles; rank++)
        {
            WriteRun(Merged(_runs[rank]), rank + 1);
            foreach (var run in _runs[rank]) File.Delete(run);
            _runs[rank].Clear();
        }
    }

    private void WriteRun(IEnumerable<(UInt128 Key, long Count)> sorted, int rank)
    {
        var path = Path.Combine(_folder, $"coppice-ngrams-{Guid.NewGuid():N}");
        if (_runs.Count == rank) _runs.Add([]);
        _runs[rank].Add(path);
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        foreach (var (key, count) in sorted) file.Write(MemoryMarshal.AsBytes([new Run(key, count)]));
    }

    /// <summary>The keys of some files in order, those of several as one.</summary>
    private static IEnumerable<(UInt128 Key, long Count)> Merged(IReadOnlyList<string> runs)
    {
        var files = runs.Select(path => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None, BufferBytes)).ToArray();
        try
        {
            var open = new PriorityQueue<(FileStream File, Run Run), UInt128>();
            foreach (var file in files) Push(open, file);
            while (open.TryDequeue(out var least, out var key))
            {
                var count = least.Run.Count;
                Push(open, least.File);
                while (open.TryPeek(out var same, out var next) && next == key)
                {
                    open.Dequeue();
                    count += same.Run.Count;
                    Push(open, same.File);
                }
                yield return (key, count);
            }
        }
        finally
        {
            foreach (var file in files) file.Dispose();
        }
    }

    private static void Push(PriorityQueue<(FileStream File, Run Run), UInt128> open, FileStream file)
    {
        Span<byte> bytes = stackalloc byte[RunBytes];
        if (file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length) return;
        var run = MemoryMarshal.Read<Run>(bytes);
        open.Enqueue((file, run), run.Key);
    }

    [StructLayout(LayoutKind.Sequential, Pack = 8, Size = RunBytes)]
    private readonly struct Run(UInt128 key, long count)
    {
        private readonly ulong _upper = (ulong)(key >> 64), _lower = (ulong)key;
        public long Count { get; } = count;
        public UInt128 Key => new(_upper, _lower);
    }
}
