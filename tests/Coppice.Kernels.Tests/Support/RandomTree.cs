namespace Coppice.Kernels.Tests.Support;

/// <summary>A token tree whose nodes hang below random earlier nodes.</summary>
internal sealed class RandomTree
{
    private readonly int[] _parents;

    public RandomTree(int seed, int nodes)
    {
        _parents = new int[nodes];
        for (var i = 1; i < nodes; i++) _parents[i] = Noise.Integers(seed + i, 1, i)[0];
        Depths = new int[nodes];
        for (var i = 1; i < nodes; i++) Depths[i] = Depths[_parents[i]] + 1;
    }

    /// <summary>Depth of each node, the root 0.</summary>
    public int[] Depths { get; }

    /// <summary>Nodes from the root to <paramref name="node"/>.</summary>
    public int[] Path(int node)
    {
        var path = new int[Depths[node] + 1];
        for (var (n, j) = (node, Depths[node]); j >= 0; n = _parents[n], j--) path[j] = n;
        return path;
    }

    /// <summary>The mask of all nodes; what is after the end of a path is no valid node.</summary>
    public AttentionMask Mask(Bed bed, int start, int window)
    {
        var width = Depths.Max() + 1;
        var paths = new int[Depths.Length * width];
        Array.Fill(paths, int.MaxValue / 2);
        for (var node = 0; node < Depths.Length; node++) Path(node).CopyTo(paths, node * width);
        return AttentionMask.Tree(start, bed.Place(new Shape(Depths.Length, width), paths), bed.Place(new Shape(Depths.Length), Depths),
            width - 1, window);
    }
}
