using System.Collections;

namespace Coppice.Drafting;

/// <summary>
/// For every token the k tokens that the target held most likely after it when it last saw it: V · k numbers and V bits.
/// </summary>
/// <remarks>
/// Luo et al., Turning Trash into Treasure (2024), section 3.1. A token that was never seen has no row, where the reference has eight
/// zeros.
/// </remarks>
internal sealed class AdjacencyMatrix(int vocabulary, int width)
{
    private const int None = -1;        // ends a row that is not full
    private readonly int[] _successors = new int[(long)vocabulary * width];
    private readonly BitArray _seen = new(vocabulary);

    /// <summary>Tokens of a row, k.</summary>
    public int Width => width;
    /// <summary>Memory of rows and bits.</summary>
    public long Bytes => 4L * _successors.Length + (vocabulary + 7) / 8;

    /// <summary>Forgets all rows.</summary>
    public void Clear() => _seen.SetAll(false);

    /// <summary>The row of <paramref name="token"/>, the most likely first; empty where it was never seen.</summary>
    public ReadOnlySpan<int> Row(int token)
    {
        if (!_seen[token]) return [];
        var row = _successors.AsSpan(token * width, width);
        var end = row.IndexOf(None);
        return end < 0 ? row : row[..end];
    }

    /// <summary>Stores the row of <paramref name="token"/>, from the first <see cref="Width"/> of <paramref name="successors"/>.</summary>
    public void Set(int token, ReadOnlySpan<int> successors)
    {
        successors[..width].CopyTo(_successors.AsSpan(token * width));
        _seen[token] = true;
    }

    /// <summary>
    /// Puts <paramref name="successor"/> at the front of the row of <paramref name="token"/>; the last of a full row goes.
    /// </summary>
    public void Prefer(int token, int successor)
    {
        var row = _successors.AsSpan(token * width, width);
        if (!_seen[token]) row.Fill(None);
        _seen[token] = true;
        var at = row.IndexOf(successor);
        if (at < 0) at = row.IndexOf(None);
        if (at < 0) at = width - 1;
        row[..at].CopyTo(row[1..]);
        row[0] = successor;
    }
}
