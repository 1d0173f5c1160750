using System.Diagnostics.CodeAnalysis;

namespace Coppice.Kernels;

/// <summary>One layer's keys and values of many sequences in shared pages: slot s of a sequence is in page pageTable[s / 64].</summary>
[SuppressMessage("Performance", "CA1815", Justification = "Views are never compared.")]
public readonly struct PagedKv(Tensor keys, Tensor values, Tensor pageTable)
{
    /// <summary>[pages, kvHeads, headDim, 64] of all sequences, F32, F16 or BF16.</summary>
    public Tensor Keys { get; } = keys;
    /// <summary>[pages, kvHeads, 64, headDim], the same type.</summary>
    public Tensor Values { get; } = values;
    /// <summary>[pages of this sequence], I32: which page of <see cref="Keys"/>; the owner has checked the entries.</summary>
    public Tensor PageTable { get; } = pageTable;
    /// <summary>KV heads.</summary>
    public int KvHeads => Keys.Shape[1];
    /// <summary>Elements of a head.</summary>
    public int HeadDim => Keys.Shape[2];
    /// <summary>Slots that fit in this sequence's pages.</summary>
    public int Capacity => PageTable.Rows * KvLayout.PageSize;
}

public abstract partial class Backend
{
    /// <inheritdoc cref="KvAppend(in DenseKv, Tensor, Tensor, int)"/>
    public void KvAppend(in PagedKv kv, Tensor k, Tensor v, int start)
    {
        using var running = Enter();
        CheckPageTable("kv_append", kv);
        CheckAppend(kv.Keys, kv.Values, kv.Capacity, k, v, start);
        Profile?.Work(AppendBytes(kv.Keys, k));
        if (k.Rows > 0) KvAppendCore(kv, k, v, start);
    }

    /// <inheritdoc cref="KvMove(in DenseKv, ReadOnlySpan{int}, int)"/>
    public void KvMove(in PagedKv kv, ReadOnlySpan<int> sources, int start)
    {
        using var running = Enter();
        CheckPageTable("kv_move", kv);
        CheckMove(kv.Keys, kv.Values, kv.Capacity, sources, start);
        Profile?.Work(MoveBytes(kv.Keys, sources.Length));
        KvMoveCore(kv, sources, start);
    }

    /// <inheritdoc cref="KvAppend(in DenseKv, Tensor, Tensor, int)"/>
    protected abstract void KvAppendCore(in PagedKv kv, Tensor k, Tensor v, int start);
    /// <inheritdoc cref="KvMove(in DenseKv, ReadOnlySpan{int}, int)"/>
    protected abstract void KvMoveCore(in PagedKv kv, ReadOnlySpan<int> sources, int start);
}
