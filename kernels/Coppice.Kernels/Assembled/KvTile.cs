using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// What a kernel of attention reads and writes: c[r][e] = (start or 0) + Σ_k a[r][k] b[k][e], k ascending, e over 16 elements a panel. With
/// keys, a is a query, k its elements and e the keys of a page; with values, a is the weights, k their positions and e the head's elements.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvTile
{
    /// <summary>Rows of the largest tile.</summary>
    internal const int MostRows = 6;

    /// <summary>Beginnings of the rows of a and of c.</summary>
    internal Rows A, C;
    /// <summary>b.</summary>
    internal byte* B;
    /// <summary>Bytes from a row of b to the next.</summary>
    internal long Step;
    /// <summary>Rows of b, at least 1.</summary>
    internal long Count;
    /// <summary>What to ask for while this is computed: as many rows, <see cref="AheadStep"/> bytes apart.</summary>
    internal byte* Ahead;
    /// <summary>Bytes by which it goes on with each row.</summary>
    internal long AheadStep;
    /// <summary>Not 0 where sums go on from what c holds.</summary>
    internal long Continues;

    /// <summary>Bytes from the beginning of a tile to its fields.</summary>
    internal static class Offsets
    {
        internal const int C = MostRows * sizeof(long), B = 2 * C, Step = B + 8, Count = B + 16, Ahead = B + 24, AheadStep = B + 32,
            Continues = B + 40;
    }

    /// <summary>Pointers, as many as rows.</summary>
    [InlineArray(MostRows)]
    internal struct Rows
    {
        private nint _first;
    }
}
