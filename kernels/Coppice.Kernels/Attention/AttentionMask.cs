using System.Diagnostics.CodeAnalysis;

namespace Coppice.Kernels;

/// <summary>Which keys each query row sees: everything before the rows, then the row's own path.</summary>
/// <remarks>
/// Slots below <see cref="Start"/> hold committed positions, slot = position. The rows' own keys come after them, appended before
/// attention.
/// Without paths the rows are consecutive positions: row r is position Start + r and sees slots 0 … Start + r (causal), or every slot up to
/// the last row's own (full, as encoders attend in both directions).
/// With paths they are nodes of a token tree: row r is position Start + depths[r] and sees slots 0 … Start - 1, then Start + paths[r, j]
/// for
/// j = 0 … depths[r], its ancestors and itself in order of depth. Key j of the path has logical position Start + j, so a node's result
/// equals, bit for bit, decoding its path alone.
/// The rows may be the last nodes of a tree: paths name nodes, and those of earlier passes are in the slots between Start and the rows'
/// own.
/// Example: root 0 with children 1 and 2, and 3 under 2: depths [0, 1, 1, 2], paths [[0], [0, 1], [0, 2], [0, 2, 3]].
/// </remarks>
[SuppressMessage("Performance", "CA1815", Justification = "Masks are never compared.")]
public readonly struct AttentionMask
{
    private AttentionMask(int start, Tensor paths, Tensor depths, int deepest, int nodes, int window, bool isFull = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(deepest);
        ArgumentOutOfRangeException.ThrowIfNegative(nodes);
        ArgumentOutOfRangeException.ThrowIfNegative(window);
        if (isFull && window > 0) throw new ArgumentException($"mask: rows that see all positions have no window, got {window}.");
        (Start, Paths, Depths, Deepest, Nodes, Window) = (start, paths, depths, deepest, nodes, window);
        IsFull = isFull;
    }

    /// <summary>Committed positions before the rows.</summary>
    public int Start { get; }
    /// <summary>[tokens, at least <see cref="Deepest"/> + 1], I32: nodes from the root to the row; empty for causal rows.</summary>
    public Tensor Paths { get; }
    /// <summary>[tokens], I32: depth of each row, the root 0; empty for causal rows.</summary>
    public Tensor Depths { get; }
    /// <summary>The largest of <see cref="Depths"/>, which are on the device; 0 for causal rows.</summary>
    public int Deepest { get; }
    /// <summary>Slots from <see cref="Start"/> on that paths may name; 0 for causal rows.</summary>
    public int Nodes { get; }
    /// <summary>Sliding window: a row at position p sees positions above p - window only; 0 for no limit.</summary>
    public int Window { get; }
    /// <summary>Whether every row sees the positions of all rows, those after its own too.</summary>
    public bool IsFull { get; }

    /// <summary>Consecutive positions from <paramref name="start"/> on.</summary>
    public static AttentionMask Causal(int start, int window = 0) => new(start, default, default, 0, 0, window);

    /// <summary>Consecutive positions from <paramref name="start"/> on, each of which sees all of them and all before.</summary>
    public static AttentionMask Full(int start) => new(start, default, default, 0, 0, 0, isFull: true);

    /// <summary>The last nodes of a token tree whose root is position <paramref name="start"/>, or all of them.</summary>
    /// <param name="start">Committed positions before the root.</param>
    /// <param name="paths">See <see cref="Paths"/>.</param>
    /// <param name="depths">See <see cref="Depths"/>.</param>
    /// <param name="deepest">The largest of <paramref name="depths"/>: the caller knows it without waiting for the device.</param>
    /// <param name="window">See <see cref="Window"/>.</param>
    /// <param name="nodes">Nodes of the tree, the rows among them; 0 where the rows are all.</param>
    public static AttentionMask Tree(int start, Tensor paths, Tensor depths, int deepest, int window = 0, int nodes = 0) =>
        new(start, paths, depths, deepest, nodes == 0 && !paths.IsEmpty ? paths.Rows : nodes, window);

    /// <summary>The same rows under another window.</summary>
    /// <exception cref="ArgumentException">The rows see all positions.</exception>
    public AttentionMask WithWindow(int window) => new(Start, Paths, Depths, Deepest, Nodes, window, IsFull);
}
