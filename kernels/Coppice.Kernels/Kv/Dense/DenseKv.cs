using System.Diagnostics.CodeAnalysis;

namespace Coppice.Kernels;

/// <summary>One layer's keys and values of one sequence in consecutive pages: slot s is in page s / 64.</summary>
[SuppressMessage("Performance", "CA1815", Justification = "Views are never compared.")]
public readonly struct DenseKv(Tensor keys, Tensor values)
{
    /// <summary>[pages, kvHeads, headDim, 64], F32, F16 or BF16.</summary>
    public Tensor Keys { get; } = keys;
    /// <summary>[pages, kvHeads, 64, headDim], the same type.</summary>
    public Tensor Values { get; } = values;
    /// <summary>KV heads.</summary>
    public int KvHeads => Keys.Shape[1];
    /// <summary>Elements of a head.</summary>
    public int HeadDim => Keys.Shape[2];
    /// <summary>Slots that fit.</summary>
    public int Capacity => Keys.Shape[0] * KvLayout.PageSize;
}

public abstract partial class Backend
{
    /// <summary>
    /// Stores rows of keys and values in the slots from <paramref name="start"/> on, converting to the cache's type (nearest even).
    /// </summary>
    /// <param name="kv">The cache of one layer.</param>
    /// <param name="k">[tokens, kvHeads, headDim], F32, after RoPE.</param>
    /// <param name="v">As <paramref name="k"/>.</param>
    /// <param name="start">First slot.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong, or the rows do not fit.</exception>
    public void KvAppend(in DenseKv kv, Tensor k, Tensor v, int start)
    {
        using var running = Enter();
        CheckAppend(kv.Keys, kv.Values, kv.Capacity, k, v, start);
        Profile?.Work(AppendBytes(kv.Keys, k));
        if (k.Rows > 0) KvAppendCore(kv, k, v, start);
    }

    /// <summary>
    /// Moves slot sources[j] to slot <paramref name="start"/> + j, for j ascending: keeps the accepted path of a token tree.
    /// </summary>
    /// <param name="kv">The cache of one layer.</param>
    /// <param name="sources">Slots, strictly ascending, each ≥ <paramref name="start"/> + its index, so that moving in place in this order
    /// is safe.</param>
    /// <param name="start">First destination slot.</param>
    /// <exception cref="ArgumentException">The slots are out of range or out of order.</exception>
    public void KvMove(in DenseKv kv, ReadOnlySpan<int> sources, int start)
    {
        using var running = Enter();
        CheckMove(kv.Keys, kv.Values, kv.Capacity, sources, start);
        Profile?.Work(MoveBytes(kv.Keys, sources.Length));
        KvMoveCore(kv, sources, start);
    }

    /// <inheritdoc cref="KvAppend(in DenseKv, Tensor, Tensor, int)"/>
    protected abstract void KvAppendCore(in DenseKv kv, Tensor k, Tensor v, int start);
    /// <inheritdoc cref="KvMove(in DenseKv, ReadOnlySpan{int}, int)"/>
    protected abstract void KvMoveCore(in DenseKv kv, ReadOnlySpan<int> sources, int start);
}
