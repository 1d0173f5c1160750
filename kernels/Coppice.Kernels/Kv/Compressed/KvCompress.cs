namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>
    /// Compresses the tokens in slots <paramref name="first"/> … <paramref name="first"/> + layout.Tokens - 1 of one layer's pages.
    /// </summary>
    /// <param name="source">Pages of one layer.</param>
    /// <param name="first">First slot.</param>
    /// <param name="layout">How, and where everything lies.</param>
    /// <param name="layer">Index of the layer, which names the random start of the factors.</param>
    /// <param name="number">Number of the chunk in its sequence; the same.</param>
    /// <param name="chunks">[units, 16], I32: 64-byte units that hold chunks.</param>
    /// <param name="unit">Where the chunk begins; it takes layout.Units, all of which are written.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong, or the chunk does not fit.</exception>
    /// <remarks>
    /// Steps, after Kang et al., GEAR (arXiv 2403.05527): outliers are set aside; scales and codes of the rest; the rank-r part of what is
    /// left, head by head, by power iteration with orthonormal columns in every loop; what is then left at the outliers. Minima and scales
    /// are rounded to F16 before codes are found. The bytes depend on the tokens, the layout, the layer and the number alone: not on
    /// threads, nor on the CPU tier. Elements beyond the range of F16 are taken as its largest.
    /// </remarks>
    public void KvCompress(in PagedKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks, int unit)
    {
        using var running = Enter();
        CheckPageTable("kv_compress", source);
        CheckCompress(source.Keys, source.Values, source.Capacity, first, layout, chunks, unit);
        Profile?.Work(CompressBytes(layout, source.Keys.Type), launches: null);
        KvCompressCore(source, first, layout, layer, number, chunks, unit);
    }

    /// <inheritdoc cref="KvCompress(in PagedKv, int, KvChunkLayout, int, int, Tensor, int)"/>
    public void KvCompress(in DenseKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks, int unit)
    {
        using var running = Enter();
        CheckCompress(source.Keys, source.Values, source.Capacity, first, layout, chunks, unit);
        Profile?.Work(CompressBytes(layout, source.Keys.Type), launches: null);
        KvCompressCore(source, first, layout, layer, number, chunks, unit);
    }

    /// <summary>Compresses rows of keys and values that are in no cache.</summary>
    /// <inheritdoc cref="KvCompress(in PagedKv, int, KvChunkLayout, int, int, Tensor, int)"/>
    /// <param name="k">[layout.Tokens, kvHeads, headDim], F32, after RoPE.</param>
    /// <param name="v">As <paramref name="k"/>.</param>
    /// <param name="layout"/><param name="layer"/><param name="number"/><param name="chunks"/><param name="unit"/>
    public void KvCompress(Tensor k, Tensor v, KvChunkLayout layout, int layer, int number, Tensor chunks, int unit)
    {
        using var running = Enter();
        const string op = "kv_compress";
        ArgumentNullException.ThrowIfNull(layout);
        Require.Activation(op, nameof(k), this, k);
        Require.Activation(op, nameof(v), this, v);
        Require.Shape(op, nameof(k), k, new Shape(layout.Tokens, layout.KvHeads, layout.HeadDim));
        Require.Shape(op, nameof(v), v, k.Shape);
        CheckRoom(layout, chunks, unit);
        Profile?.Work(CompressBytes(layout, ElementType.F32), launches: null);
        KvCompressCore(k, v, layout, layer, number, chunks, unit);
    }

    /// <inheritdoc cref="KvCompress(in PagedKv, int, KvChunkLayout, int, int, Tensor, int)"/>
    protected abstract void KvCompressCore(in PagedKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit);
    /// <inheritdoc cref="KvCompress(in PagedKv, int, KvChunkLayout, int, int, Tensor, int)"/>
    protected abstract void KvCompressCore(in DenseKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit);
    /// <inheritdoc cref="KvCompress(Tensor, Tensor, KvChunkLayout, int, int, Tensor, int)"/>
    protected abstract void KvCompressCore(Tensor k, Tensor v, KvChunkLayout layout, int layer, int number, Tensor chunks, int unit);

    private void CheckCompress(in Tensor keys, in Tensor values, int capacity, int first, KvChunkLayout layout, in Tensor chunks, int unit)
    {
        const string op = "kv_compress";
        ArgumentNullException.ThrowIfNull(layout);
        CheckKv(op, keys, values);
        Require.That(keys.Shape[1] == layout.KvHeads && keys.Shape[2] == layout.HeadDim, op,
            $"pages must have {layout.KvHeads} heads of {layout.HeadDim}, got {keys.Shape}");
        Require.That(first >= 0 && first <= capacity - layout.Tokens, op,
            $"slots {first}..{(long)first + layout.Tokens} must be within the capacity of {capacity}");
        CheckRoom(layout, chunks, unit);
    }

    private static long CompressBytes(KvChunkLayout layout, ElementType source) =>
        2L * layout.Tokens * layout.KvHeads * layout.HeadDim * source.Size() + (long)layout.Units * KvChunkLayout.Unit;

    private void CheckRoom(KvChunkLayout layout, in Tensor chunks, int unit)
    {
        CheckChunks("kv_compress", chunks);
        Require.That(unit >= 0 && unit <= chunks.Rows - layout.Units, "kv_compress",
            $"units {unit}..{(long)unit + layout.Units} must be within the {chunks.Rows} there are");
    }
}
