using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>A dense cache that shows keys, values and queries of every pass to an observer, on the host.</summary>
/// <param name="backend">Where attention runs.</param>
/// <param name="pool">Memory, at least <see cref="DenseKvCache.Bytes"/>.</param>
/// <param name="geometry">Sizes.</param>
/// <param name="capacity">Tokens.</param>
/// <param name="keys">Called with the layer and [rows, kvHeads, headDim] after RoPE.</param>
/// <param name="queries">Called with the layer and [rows, queryHeads, headDim] after RoPE.</param>
internal sealed class ObservedKvCache(
    Backend backend, MemoryPool pool, KvGeometry geometry, int capacity, RowsObserver keys, RowsObserver queries)
    : DenseKvCache(backend, pool, geometry, capacity)
{
    private readonly Backend _backend = backend;

    /// <inheritdoc/>
    public override void Append(int layer, Tensor k, Tensor v)
    {
        Show(keys, layer, k);
        base.Append(layer, k, v);
    }

    /// <inheritdoc/>
    public override void Attend(int layer, Tensor q, in AttentionMask mask, float scale, float softCap, Tensor y)
    {
        Show(queries, layer, q);
        base.Attend(layer, q, mask, scale, softCap, y);
    }

    private void Show(RowsObserver observer, int layer, Tensor rows)
    {
        var numbers = new float[rows.Shape.Count];
        // Rows of a fused projection are further apart than they are long.
        for (var row = 0; row < rows.Rows; row++)
            _backend.Download(rows.Slice(row, 1), numbers.AsSpan(row * rows.Shape.RowLength, rows.Shape.RowLength));
        observer(layer, numbers);
    }
}

/// <summary>Sees rows of a layer.</summary>
internal delegate void RowsObserver(int layer, ReadOnlySpan<float> rows);
