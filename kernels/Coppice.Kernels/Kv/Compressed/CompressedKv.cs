using System.Diagnostics.CodeAnalysis;

namespace Coppice.Kernels;

/// <summary>One layer's compressed chunks of one sequence.</summary>
[SuppressMessage("Performance", "CA1815", Justification = "Views are never compared.")]
public readonly struct CompressedKv(Tensor chunks, Tensor table, KvChunkLayout[] layouts, KvHorizon horizon)
{
    /// <summary>[units, 16], I32: 64-byte units that hold chunks, of many sequences.</summary>
    public Tensor Chunks { get; } = chunks;
    /// <summary>
    /// [chunks of this sequence, 4], I32: the unit where a chunk begins, its first position, the index of its layout, 0. Positions ascend
    /// without gaps; the owner has checked the entries.
    /// </summary>
    public Tensor Table { get; } = table;
    /// <summary>Layouts that the table names.</summary>
    public KvChunkLayout[] Layouts { get; } = layouts;
    /// <summary>Who sees them.</summary>
    public KvHorizon Horizon { get; } = horizon;
}
