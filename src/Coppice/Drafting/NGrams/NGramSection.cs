using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using Coppice.Drafting.Datastores;
using Coppice.Kernels.Simd;

namespace Coppice.Drafting.NGrams;

/// <summary>The runs of n tokens of a store, as one level of a tree: those that begin with the same n - 1 tokens stand together.</summary>
/// <remarks>
/// In the file: tokens [nodes], ascending among those with the same beginning (the first level has none: its nodes are the vocabulary);
/// counts [nodes]; first [nodes + 1], u32: where a node's continuations begin in the next level; ends [endings], pairs of u32: nodes,
/// ascending, after which a document has ended, and how often. The last level has no first and no ends. Numbers are little-endian, tokens
/// of 2 or 4 bytes, counts of 1, 2 or 4.
/// </remarks>
internal sealed class NGramSection
{
    /// <summary>Bytes of a section's entry in the directory after the file's header.</summary>
    public const int EntryBytes = 64;
    /// <summary>Where arrays begin: at multiples of this.</summary>
    public const int Alignment = 8;

    private readonly DatastoreFile _file;
    private readonly long _tokens, _counts, _first, _ends;
    private readonly int _tokenBytes, _countBytes, _endings;

    private NGramSection(DatastoreFile file, int order, bool last, ReadOnlySpan<byte> entry)
    {
        (_file, Order, IsLast) = (file, order, last);
        Nodes = Number(entry[8..], int.MaxValue - 1, "nodes");
        Positions = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
        (_tokenBytes, _countBytes) = (entry[24], entry[25]);
        var offset = BinaryPrimitives.ReadInt64LittleEndian(entry[32..]);
        _endings = Number(entry[40..], int.MaxValue - 1, "endings");
        var sizes = Sizes(Nodes, _tokenBytes, _countBytes, last, _endings);
        var wrong = BinaryPrimitives.ReadUInt32LittleEndian(entry) != order
            || (_tokenBytes is not (2 or 4) && (order > 1 || _tokenBytes != 0))
            || _countBytes is not (1 or 2 or 4) || (last && _endings > 0) || Positions < 0 || offset < DatastoreFile.HeaderBytes
            || offset % Alignment != 0 || offset > file.Length - sizes.Sum();
        if (wrong)
            throw new CheckpointException(
                $"{file.Name}: the entry of order {order} must describe arrays inside the file, found other numbers.");
        _tokens = offset;
        _counts = _tokens + sizes[0];
        _first = _counts + sizes[1];
        _ends = _first + sizes[2];
        End = _ends + sizes[3];
    }

    /// <summary>n.</summary>
    public int Order { get; }
    /// <summary>Whether no longer runs are kept.</summary>
    public bool IsLast { get; }
    /// <summary>Different runs of n tokens that are kept.</summary>
    public int Nodes { get; }
    /// <summary>Places of the texts where n tokens stand, those that were not kept among them.</summary>
    public long Positions { get; }
    /// <summary>The first byte after the section.</summary>
    public long End { get; }

    /// <summary>Reads an entry of the directory.</summary>
    /// <exception cref="CheckpointException">The section does not lie inside the file.</exception>
    public static NGramSection Read(DatastoreFile file, int order, bool last) =>
        new(file, order, last, file.Array<byte>(DatastoreFile.HeaderBytes + (long)(order - 1) * EntryBytes, EntryBytes));

    /// <summary>Writes an entry of the directory.</summary>
    public static void WriteEntry(Span<byte> entry, int order, int nodes, long positions, int tokenBytes, int countBytes, long offset,
        int endings)
    {
        entry.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(entry, order);
        BinaryPrimitives.WriteInt64LittleEndian(entry[8..], nodes);
        BinaryPrimitives.WriteInt64LittleEndian(entry[16..], positions);
        (entry[24], entry[25]) = ((byte)tokenBytes, (byte)countBytes);
        BinaryPrimitives.WriteInt64LittleEndian(entry[32..], offset);
        BinaryPrimitives.WriteInt64LittleEndian(entry[40..], endings);
    }

    /// <summary>Bytes of the four arrays, each up to a multiple of the alignment.</summary>
    public static long[] Sizes(int nodes, int tokenBytes, int countBytes, bool last, int endings) =>
    [
        Aligned((long)nodes * tokenBytes), Aligned((long)nodes * countBytes), last ? 0 : Aligned(4L * (nodes + 1)), last ? 0 : 8L * endings,
    ];

    /// <summary>Where the continuations of <paramref name="node"/> stand in the next level; nothing where the file says nonsense.</summary>
    public (int First, int Count) Continuations(int node, NGramSection next)
    {
        var first = _file.Array<uint>(_first + 4L * node, 2);
        return first[0] <= first[1] && first[1] <= (uint)next.Nodes ? ((int)first[0], (int)(first[1] - first[0])) : (0, 0);
    }

    /// <summary>How often the run stands in the texts.</summary>
    public long Count(int node) => _countBytes switch
    {
        1 => _file.Array<byte>(_counts + node, 1)[0],
        2 => _file.Array<ushort>(_counts + 2L * node, 1)[0],
        _ => _file.Array<uint>(_counts + 4L * node, 1)[0],
    };

    /// <summary>How often another token follows the run: a document may end after it instead.</summary>
    public long Followed(int node)
    {
        var ends = _file.Array<NodeEndings>(_ends, _endings);
        var (low, high) = (0, ends.Length);
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            if (ends[middle].Node < (uint)node) low = middle + 1;
            else high = middle;
        }
        return Count(node) - (low < ends.Length && ends[low].Node == (uint)node ? ends[low].Count : 0);
    }

    /// <summary>The last token of the run.</summary>
    public int Token(int node) => _tokenBytes switch
    {
        0 => node,
        2 => _file.Array<ushort>(_tokens + 2L * node, 1)[0],
        _ => (int)_file.Array<uint>(_tokens + 4L * node, 1)[0],
    };

    /// <summary>The node among <paramref name="count"/> from <paramref name="first"/> on whose token is <paramref name="token"/>.</summary>
    public bool TryFind(int first, int count, int token, out int node)
    {
        var at = _tokenBytes switch
        {
            0 => (uint)token < (uint)Nodes ? token : -1,
            2 => token > ushort.MaxValue ? -1 : Search<ushort>(first, count, (ushort)token),
            _ => Search<uint>(first, count, (uint)token),
        };
        node = Math.Max(at, 0);
        return at >= 0;
    }

    /// <summary>
    /// How often each of <paramref name="tokens"/>, which ascend, is the last token of one of <paramref name="count"/> nodes from
    /// <paramref name="first"/> on.
    /// </summary>
    /// <remarks>O(tokens · log(count / tokens)): the search for a token begins where the one before was, with steps that double.</remarks>
    public void Count(int first, int count, ReadOnlySpan<int> tokens, Span<long> counts)
    {
        if (_tokenBytes == sizeof(ushort)) Count<ushort>(first, count, tokens, counts);
        else Count<uint>(first, count, tokens, counts);
    }

    [MethodImpl(Compiled.Alone)]
    private void Count<T>(int first, int count, ReadOnlySpan<int> tokens, Span<long> counts) where T : unmanaged, IBinaryInteger<T>
    {
        var known = _file.Array<T>(_tokens + (long)first * Unsafe.SizeOf<T>(), count);
        var low = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            long token = tokens[i];
            var (high, step) = (low, 1);
            while (high < known.Length && long.CreateTruncating(known[high]) < token)
            {
                low = high + 1;
                high += Math.Min(step, known.Length - high);
                step *= 2;
            }
            while (low < high)
            {
                var middle = low + (high - low) / 2;
                if (long.CreateTruncating(known[middle]) < token) low = middle + 1;
                else high = middle;
            }
            counts[i] = low < known.Length && long.CreateTruncating(known[low]) == token ? Count(first + low) : 0;
        }
    }

    /// <summary>Throws unless every number is one that a build writes.</summary>
    public void Check(NGramSection? next)
    {
        for (var node = 0; node < Nodes; node++)
        {
            if (Order > 1 && Count(node) == 0) throw Wrong("counts must be above 0");
        }
        if (next is null) return;
        var first = _file.Array<uint>(_first, Nodes + 1);
        if (first[0] != 0 || first[^1] != (uint)next.Nodes) throw Wrong("continuations must be the whole next level");
        var ends = _file.Array<NodeEndings>(_ends, _endings);
        for (var i = 0; i < ends.Length; i++)
        {
            if (ends[i].Node >= (uint)Nodes || (i > 0 && ends[i].Node <= ends[i - 1].Node)) throw Wrong("endings must ascend");
        }
        for (var node = 0; node < Nodes; node++)
        {
            if (first[node] > first[node + 1]) throw Wrong("continuations must ascend");
        }
        CheckContinuations(next, first, ends);
    }

    private void CheckContinuations(NGramSection next, ReadOnlySpan<uint> first, ReadOnlySpan<NodeEndings> ends)
    {
        var ending = 0;
        for (var node = 0; node < Nodes; node++)
        {
            var (sum, before) = (0L, -1);
            if (ending < ends.Length && ends[ending].Node == (uint)node) sum = ends[ending++].Count;
            for (var child = (int)first[node]; child < (int)first[node + 1]; child++)
            {
                var token = next.Token(child);
                if (token <= before) throw Wrong("tokens must ascend");
                before = token;
                sum += next.Count(child);
            }
            if (sum > Count(node)) throw Wrong("continuations must not be more frequent than what they continue");
        }
    }

    /// <summary>Throws unless every token is below <paramref name="vocabulary"/>.</summary>
    public void CheckTokens(int vocabulary)
    {
        for (var node = 0; node < Nodes; node++)
        {
            if ((uint)Token(node) >= (uint)vocabulary) throw Wrong($"tokens must be below {vocabulary}");
        }
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private int Number(ReadOnlySpan<byte> bytes, int most, string what)
    {
        var value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return value <= (ulong)most ? (int)value : throw Wrong($"{what} must be at most {most:N0}");
    }

    private int Search<T>(int first, int count, T token) where T : unmanaged, IComparable<T>
    {
        var at = _file.Array<T>(_tokens + (long)first * Unsafe.SizeOf<T>(), count).BinarySearch(token);
        return at < 0 ? -1 : first + at;
    }

    private CheckpointException Wrong(string rule) => new($"{_file.Name}: order {Order}: {rule}, found otherwise.");

    private readonly record struct NodeEndings(uint Node, uint Count);
}
