using System.Numerics;
using System.Runtime.InteropServices;

namespace Coppice.Text;

/// <summary>
/// Remembers the ids of short pieces. Entries are immutable and live in slots chosen by hash; a newer entry replaces an older one,
/// so the size is bounded and readers and writers need no lock.
/// </summary>
internal sealed class PieceCache
{
    /// <summary>The longest piece worth remembering.</summary>
    public const int LongestPiece = 48;

    private readonly int _shift;
    private readonly Entry?[] _entries;

    /// <summary>A cache of at most 2^<paramref name="bits"/> pieces.</summary>
    public PieceCache(int bits = 15) => (_shift, _entries) = (64 - bits, new Entry?[1 << bits]);

    /// <summary>The ids of a piece if they are known.</summary>
    public bool TryFind(ReadOnlySpan<char> piece, out ReadOnlySpan<int> ids)
    {
        var slot = Slot(piece);
        var entry = Volatile.Read(ref _entries[slot]);
        if (entry is null || !piece.SequenceEqual(entry.Piece))
        {
            entry = Volatile.Read(ref _entries[slot ^ 1]);
            if (entry is null || !piece.SequenceEqual(entry.Piece))
            {
                ids = default;
                return false;
            }
        }
        ids = entry.Ids;
        return true;
    }

    /// <summary>Remembers the ids of a piece.</summary>
    public void Keep(ReadOnlySpan<char> piece, ReadOnlySpan<int> ids)
    {
        // What was in its place moves aside, so that two frequent pieces do not drive each other out.
        var slot = Slot(piece);
        Volatile.Write(ref _entries[slot ^ 1], Volatile.Read(ref _entries[slot]));
        Volatile.Write(ref _entries[slot], new Entry(piece.ToString(), ids.ToArray()));
    }

    // By multiplication (Knuth, volume 3, 6.4). Who finds pieces that share a slot makes the cache useless, and no more.
    private int Slot(ReadOnlySpan<char> piece)
    {
        const ulong factor = 0x9E3779B97F4A7C15;
        var hash = (ulong)piece.Length;
        for (; piece.Length >= 4; piece = piece[4..])
            hash = (BitOperations.RotateLeft(hash, 29) ^ MemoryMarshal.Read<ulong>(MemoryMarshal.AsBytes(piece))) * factor;
        var rest = 0ul;
        foreach (var letter in piece) rest = rest << 16 | letter;
        return (int)((BitOperations.RotateLeft(hash, 29) ^ rest) * factor >> _shift);
    }

    private sealed record Entry(string Piece, int[] Ids);
}
