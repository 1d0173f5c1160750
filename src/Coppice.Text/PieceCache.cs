
namespace Coppice.Text;

/// <summary>
/// Remembers the ids of short pieces. Entries are immutable and live in slots chosen by hash; a newer entry replaces an older one,
/// so the size is bounded and readers and writers need no lock.
/// </summary>
internal sealed class PieceCache
{
    /// <summary>The longest piece worth remembering.</summary>
    public const int LongestPiece = 48;

    private const int Slots = 1 << 15;

    private readonly Entry?[] _entries = new Entry?[Slots];

    /// <summary>The ids of a piece if they are known.</summary>
    public bool TryFind(ReadOnlySpan<char> piece, out ReadOnlySpan<int> ids)
    {
        var entry = Volatile.Read(ref _entries[Slot(piece)]);
        var found = entry is not null && piece.SequenceEqual(entry.Piece);
        ids = found ? entry!.Ids : default;
        return found;
    }

    /// <summary>Remembers the ids of a piece.</summary>
    public void Keep(ReadOnlySpan<char> piece, ReadOnlySpan<int> ids) =>
        Volatile.Write(ref _entries[Slot(piece)], new Entry(piece.ToString(), ids.ToArray()));

    private static int Slot(ReadOnlySpan<char> piece) => string.GetHashCode(piece) & (Slots - 1);

    private sealed record Entry(string Piece, int[] Ids);
}
