using System.Runtime.InteropServices;
using Coppice.Drafting.Datastores;

namespace Coppice.Drafting.NGrams;

/// <summary>
/// Makes the sections of a store from keys in order. Each level grows in a file of its own, so memory does not grow with the store.
/// </summary>
internal sealed class NGramTreeWriter : IDisposable
{
    private readonly Level[] _levels;
    private readonly int _vocabulary, _leastCount;
    private readonly int[] _path;
    private int _depth;     // tokens of the path: levels whose last node may still grow

    /// <summary>A tree for runs of up to <paramref name="orders"/> tokens.</summary>
    public NGramTreeWriter(int vocabulary, int orders, int leastCount, string folder)
    {
        (_vocabulary, _leastCount, _path) = (vocabulary, leastCount, new int[orders]);
        _levels = [.. Enumerable.Range(0, orders).Select(_ => new Level(folder))];
    }

    /// <summary>Adds the tokens from a position on.</summary>
    /// <param name="tokens">[orders], ids plus 1, 0 after the end of a document; not before those of the call before.</param>
    /// <param name="count">How many positions begin so.</param>
    public void Add(ReadOnlySpan<int> tokens, long count)
    {
        var length = tokens.IndexOf(0) is var end and >= 0 ? end : tokens.Length;
        var common = tokens[..Math.Min(length, _depth)].CommonPrefixLength(_path.AsSpan(0, _depth));
        Close(common);
        for (; _depth < length; _depth++)
        {
            _path[_depth] = tokens[_depth];
            _levels[_depth].Open(_depth + 1 < _levels.Length ? _levels[_depth + 1].Nodes : 0);
        }
        for (var i = 0; i < length; i++) _levels[i].OpenCount += count;
        if (length < tokens.Length) _levels[length - 1].OpenEndings += count;
    }

    /// <summary>Writes the store; nothing can be added after that.</summary>
    /// <param name="stream">Receives it.</param>
    /// <param name="fingerprint">Of the tokenizer.</param>
    /// <param name="firstOrder">Tokens of the shortest run that counts.</param>
    /// <param name="positions">Of each order, places where a run of that many tokens stands.</param>
    public void Write(Stream stream, ReadOnlySpan<byte> fingerprint, int firstOrder, ReadOnlySpan<long> positions)
    {
        Close(0);
        FillVocabulary(_vocabulary, _levels[1].Nodes);
        DatastoreFile.WriteHeader(stream, NGramStore.Magic, fingerprint, _levels.Length, _vocabulary);
        var directory = new byte[_levels.Length * NGramSection.EntryBytes + 8];
        MemoryMarshal.Cast<byte, int>(directory.AsSpan(^8..))[0] = firstOrder;
        MemoryMarshal.Cast<byte, int>(directory.AsSpan(^8..))[1] = _leastCount;
        var offset = DatastoreFile.HeaderBytes + (long)directory.Length;
        for (var i = 0; i < _levels.Length; i++)
        {
            var (level, last) = (_levels[i], i + 1 == _levels.Length);
            var tokenBytes = i == 0 ? 0 : _vocabulary <= ushort.MaxValue + 1 ? 2 : 4;
            var endings = last ? 0 : level.Endings;
            var entry = directory.AsSpan(i * NGramSection.EntryBytes, NGramSection.EntryBytes);
            NGramSection.WriteEntry(entry, i + 1, level.Nodes, positions[i], tokenBytes, level.CountBytes, offset, endings);
            offset += NGramSection.Sizes(level.Nodes, tokenBytes, level.CountBytes, last, endings).Sum();
        }
        stream.Write(directory);
        for (var i = 0; i < _levels.Length; i++)
        {
            var last = i + 1 == _levels.Length;
            var tokenBytes = i == 0 ? 0 : _vocabulary <= ushort.MaxValue + 1 ? 2 : 4;
            _levels[i].CopyTo(stream, tokenBytes, last ? null : _levels[i + 1].Nodes);
        }
    }

    /// <summary>Deletes the files.</summary>
    public void Dispose()
    {
        foreach (var level in _levels) level.Dispose();
    }

    /// <summary>Writes the nodes of the path after its first <paramref name="depth"/>, the deepest first.</summary>
    private void Close(int depth)
    {
        while (_depth > depth)
        {
            var level = _levels[--_depth];
            if (_depth == 0)
            {
                FillVocabulary(_path[0] - 1, level.OpenedAt);
                level.Close(0);
            }
            else if (level.OpenCount >= _leastCount) level.Close(_path[_depth] - 1);
        }
    }

    /// <summary>
    /// The first level has a node for each token, so that an id is its index; those of the next level go on at <paramref name="first"/>.
    /// </summary>
    private void FillVocabulary(int before, int first)
    {
        while (_levels[0].Nodes < before) _levels[0].Empty(first);
    }

    /// <summary>One level: (token, count, first) of each node in one file, endings in another.</summary>
    private sealed class Level(string folder) : IDisposable
    {
        private readonly FileStream _nodes = Temporary(folder), _endings = Temporary(folder);
        private uint _largest;

        public int Nodes { get; private set; }
        public int Endings { get; private set; }
        public long OpenCount { get; set; }
        public long OpenEndings { get; set; }
        /// <summary>Nodes of the next level when the open node began.</summary>
        public int OpenedAt { get; private set; }
        public int CountBytes => _largest <= byte.MaxValue ? 1 : _largest <= ushort.MaxValue ? 2 : 4;

        public void Open(int first) => (OpenCount, OpenEndings, OpenedAt) = (0, 0, first);

        public void Close(int token)
        {
            if (OpenEndings > 0)
            {
                _endings.Write(MemoryMarshal.AsBytes([(uint)Nodes, checked((uint)OpenEndings)]));
                Endings++;
            }
            Append(token, checked((uint)OpenCount), OpenedAt);
        }

        /// <summary>A node that does not occur.</summary>
        public void Empty(int first) => Append(0, 0, first);

        public void CopyTo(Stream stream, int tokenBytes, int? children)
        {
            if (tokenBytes > 0) Copy(stream, 0, tokenBytes);
            Copy(stream, 1, CountBytes);
            if (children is not { } all) return;
            Copy(stream, 2, sizeof(uint), (uint)all);
            _endings.Position = 0;
            _endings.CopyTo(stream);
        }

        public void Dispose()
        {
            _nodes.Dispose();
            _endings.Dispose();
        }

        private static FileStream Temporary(string folder) =>
            new(Path.Combine(folder, $"coppice-ngrams-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None,
                1 << 18,
                FileOptions.DeleteOnClose);

        private void Append(int token, uint count, int first)
        {
            _nodes.Write(MemoryMarshal.AsBytes([(uint)token, count, (uint)first]));
            _largest = Math.Max(_largest, count);
            Nodes = checked(Nodes + 1);
        }

        /// <summary>
        /// Writes one of the numbers of each node in fewer bytes, one more at the end where there is one, and zeros up to the alignment.
        /// </summary>
        private void Copy(Stream stream, int which, int bytes, uint? end = null)
        {
            const int nodeBytes = 3 * sizeof(uint);
            var block = new byte[nodeBytes * 4096];
            var packed = new byte[sizeof(uint) * 4096];
            var written = 0L;
            _nodes.Position = 0;
            for (int read; (read = _nodes.ReadAtLeast(block, block.Length, throwOnEndOfStream: false)) > 0;)
            {
                var numbers = MemoryMarshal.Cast<byte, uint>(block.AsSpan(0, read));
                var count = numbers.Length / 3;
                for (var i = 0; i < count; i++) Put(packed.AsSpan(i * bytes), numbers[3 * i + which], bytes);
                stream.Write(packed, 0, count * bytes);
                written += (long)count * bytes;
            }
            if (end is { } last)
            {
                Put(packed, last, bytes);
                stream.Write(packed, 0, bytes);
                written += bytes;
            }
            var left = (int)(-written & (NGramSection.Alignment - 1));
            packed.AsSpan(0, left).Clear();
            stream.Write(packed, 0, left);
        }

        private static void Put(Span<byte> target, uint value, int bytes)
        {
            for (var i = 0; i < bytes; i++) target[i] = (byte)(value >> 8 * i);
        }
    }
}
