using Coppice.Kernels;

namespace Coppice.Cache;

/// <summary>Keys and values of one sequence in every layer: the only form in which the model sees them.</summary>
/// <remarks>
/// Slots below <see cref="Length"/> hold committed positions, slot = position. A pass appends its rows behind them, in every layer, and attends;
/// passes over the levels of one tree append behind each other's rows. Then either <see cref="Advance"/> keeps all rows or <see cref="Commit"/> keeps a path of a token tree. What was appended and not kept is overwritten by the next pass.
/// Whoever creates a cache disposes it. One thread at a time.
/// </remarks>
internal abstract class KvCache : IDisposable
{
    private int _reserved, _behind;

    /// <summary>A cache for so many tokens.</summary>
    protected KvCache(int capacity) => Capacity = capacity;

    /// <summary>Tokens stored.</summary>
    public int Length { get; private set; }
    /// <summary>Tokens that fit, those of a tree being verified among them.</summary>
    public int Capacity { get; }
    /// <summary>Real memory held for this sequence.</summary>
    public abstract long BytesInUse { get; }

    /// <summary>Makes room for <paramref name="count"/> rows behind <see cref="Length"/> and what was appended behind it, or throws before anything is written.</summary>
    /// <param name="count">Rows of the pass.</param>
    /// <param name="behind">Rows of passes before it, not kept yet, that stay.</param>
    /// <exception cref="ArgumentException">They exceed the capacity.</exception>
    /// <exception cref="DeviceMemoryException">The memory shared with other sequences is used up.</exception>
    public void Reserve(int count, int behind = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(behind);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(behind, _reserved);
        if (count > Capacity - Length - behind)
            throw new ArgumentException($"cache: {(long)Length + behind + count:N0} tokens do not fit, capacity is {Capacity:N0} (raise ModelOptions.MaxTokens or shorten the prompt).", nameof(count));
        Grow(Length + behind + count);
        (_reserved, _behind) = (behind + count, behind);
    }

    /// <summary>Stores the rows that were reserved last, of one layer.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="k">[reserved rows, kvHeads, headDim], F32, after RoPE.</param>
    /// <param name="v">As <paramref name="k"/>.</param>
    public abstract void Append(int layer, Tensor k, Tensor v);

    /// <summary>Attention of the appended rows over what the mask lets them see; the mask starts at <see cref="Length"/>.</summary>
    public abstract void Attend(int layer, Tensor q, in AttentionMask mask, float scale, float softCap, Tensor y);

    /// <summary>Keeps the first <paramref name="count"/> appended rows.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _reserved);
        Length += count;
        (_reserved, _behind) = (0, 0);
    }

    /// <summary>Keeps the appended rows <paramref name="path"/>, strictly ascending, as the next positions, and drops the others.</summary>
    public void Commit(ReadOnlySpan<int> path)
    {
        var inPlace = 0;
        while (inPlace < path.Length && path[inPlace] == inPlace) inPlace++;
        if (path.Length > 0) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(path[^1], _reserved);
        if (inPlace < path.Length) Move(path[inPlace..], inPlace);
        Advance(path.Length);
    }

    /// <summary>Forgets everything from position <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        (Length, _reserved, _behind) = (length, 0, 0);
        Shrink(length);
    }

    /// <summary>Returns the memory.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The slot of the first row that <see cref="Append"/> stores.</summary>
    protected int FirstSlot => Length + _behind;

    /// <summary>Makes slots up to <paramref name="length"/> writable.</summary>
    protected abstract void Grow(int length);
    /// <summary>Gives back what is not needed for <paramref name="length"/> slots, where the kind can.</summary>
    protected abstract void Shrink(int length);
    /// <summary>Moves, in every layer, slot Length + rows[j] to Length + first + j, j ascending.</summary>
    protected abstract void Move(ReadOnlySpan<int> rows, int first);
    /// <summary>Returns the memory.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>Slots of <paramref name="rows"/>, for a move; at most as many as a tree has nodes.</summary>
    protected void Slots(ReadOnlySpan<int> rows, Span<int> slots)
    {
        for (var j = 0; j < rows.Length; j++) slots[j] = Length + rows[j];
    }
}
