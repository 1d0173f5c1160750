namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>
    /// Attention over compressed chunks, on their parts as they are: for each row and head the output o, the maximum m and the sum l of the
    /// positions that it sees there. <see cref="MergeBlocks"/> makes y = o / l of them.
    /// </summary>
    /// <param name="q">[tokens, queryHeads, headDim], F32, after RoPE; queryHeads a multiple of the KV heads.</param>
    /// <param name="kv">Chunks of one layer; none is possible.</param>
    /// <param name="mask">Who sees whom; a window hides positions of chunks too.</param>
    /// <param name="scale">Usually 1 / √headDim.</param>
    /// <param name="softCap">c(s) = softCap · tanh(s / softCap); 0 for none.</param>
    /// <param name="states">
    /// [tokens, queryHeads, headDim + 2], F32, written: o = Σ e^(s - m) v, then m = max s, then l = Σ e^(s - m); o = 0, m = -∞, l = 0
    /// where a row sees nothing.
    /// </param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>
    /// Blocks are 64 positions of a chunk, counted from its beginning; a row's states depend on its own position alone. Scores and outputs
    /// follow the decomposition of Kang et al., GEAR (arXiv 2403.05527): codes with scales folded into queries and weights, factors by
    /// B first, outliers one by one; nothing is reconstructed.
    /// </remarks>
    public void AttendBlocks(Tensor q, in CompressedKv kv, in AttentionMask mask, float scale, float softCap, Tensor states)
    {
        using var running = Enter();
        CheckCompressed("attend_blocks", kv, q);
        CheckStates("attend_blocks", q, states);
        Require.That(softCap >= 0, "attend_blocks", $"softCap must not be negative, got {softCap}");
        CheckPaths("attend_blocks", q, mask);
        Profile?.Work(ChunkBytes(kv) + Bytes(q) + Bytes(states), shape: $"{q.Shape[1]} heads of {q.Last}, compressed", launches: null);
        if (q.Rows > 0) AttendBlocksCore(q, kv, mask, scale, softCap, states);
    }

    /// <summary>
    /// The same over pages, for positions from <paramref name="from"/> on: with the blocks that states hold already where
    /// <paramref name="continues"/>.
    /// </summary>
    /// <inheritdoc cref="Attention(Tensor, in DenseKv, in AttentionMask, float, float, Tensor)"/>
    /// <param name="q"/><param name="kv"/><param name="mask"/><param name="scale"/><param name="softCap"/>
    /// <param name="from">What rows have seen compressed. Pages of positions that all rows see compressed are never read.</param>
    /// <param name="states">As <see cref="AttendBlocks(Tensor, in CompressedKv, in AttentionMask, float, float, Tensor)"/>.</param>
    /// <param name="continues">Whether states hold earlier blocks; else they are only written.</param>
    public void AttendBlocks(Tensor q, in PagedKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap, Tensor states,
        bool continues = true)
    {
        using var running = Enter();
        CheckPageTable("attend_blocks", kv);
        CheckAttention(q, kv.Keys, kv.Values, kv.Capacity, mask, softCap, q);
        CheckStates("attend_blocks", q, states);
        ProfileBlocks(q, kv.Keys, mask, from, states);
        if (q.Rows > 0) AttendBlocksCore(q, kv, mask, from, scale, softCap, states, continues);
    }

    /// <inheritdoc cref="AttendBlocks(Tensor, in PagedKv, in AttentionMask, in KvHorizon, float, float, Tensor, bool)"/>
    public void AttendBlocks(Tensor q, in DenseKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap, Tensor states,
        bool continues = true)
    {
        using var running = Enter();
        CheckAttention(q, kv.Keys, kv.Values, kv.Capacity, mask, softCap, q);
        CheckStates("attend_blocks", q, states);
        ProfileBlocks(q, kv.Keys, mask, from, states);
        if (q.Rows > 0) AttendBlocksCore(q, kv, mask, from, scale, softCap, states, continues);
    }

    /// <summary>y = o / l for states that all blocks are in; zeros where a row saw nothing.</summary>
    /// <param name="states">[tokens, queryHeads, headDim + 2], F32: o, m, l.</param>
    /// <param name="y">[tokens, queryHeads, headDim], F32.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void MergeBlocks(Tensor states, Tensor y)
    {
        using var running = Enter();
        const string op = "merge_blocks";
        Require.Activation(op, nameof(y), this, y);
        Require.That(y.Shape.Rank == 3, op, $"y must be [tokens, heads, headDim], got {y.Shape}");
        CheckStates(op, y, states);
        Profile?.Work(Bytes(states) + Bytes(y), launches: null);
        if (y.Rows > 0) MergeBlocksCore(states, y);
    }

    /// <inheritdoc cref="AttendBlocks(Tensor, in CompressedKv, in AttentionMask, float, float, Tensor)"/>
    protected abstract void AttendBlocksCore(Tensor q, in CompressedKv kv, in AttentionMask mask, float scale, float softCap,
        Tensor states);
    /// <inheritdoc cref="AttendBlocks(Tensor, in PagedKv, in AttentionMask, in KvHorizon, float, float, Tensor, bool)"/>
    protected abstract void AttendBlocksCore(Tensor q, in PagedKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues);
    /// <inheritdoc cref="AttendBlocks(Tensor, in PagedKv, in AttentionMask, in KvHorizon, float, float, Tensor, bool)"/>
    protected abstract void AttendBlocksCore(Tensor q, in DenseKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues);
    /// <inheritdoc cref="MergeBlocks"/>
    protected abstract void MergeBlocksCore(Tensor states, Tensor y);

    private void ProfileBlocks(in Tensor q, in Tensor keys, in AttentionMask mask, in KvHorizon from, in Tensor states) =>
        Profile?.Work(AttentionBytes(q, keys, mask, from.Of(mask.Start)) + Bytes(states), shape: AttentionShape(q, keys), launches: null);

    /// <summary>Bytes of a sequence's chunks; the table, which says which layout each has, is read from the device.</summary>
    private long ChunkBytes(in CompressedKv kv)
    {
        if (kv.Table.Rows == 0) return 0;
        var entries = new int[kv.Table.Rows * 4];
        DownloadCore(kv.Table, System.Runtime.InteropServices.MemoryMarshal.AsBytes(entries.AsSpan()));
        var units = 0L;
        for (var chunk = 0; chunk < kv.Table.Rows; chunk++) units += kv.Layouts[entries[4 * chunk + 2]].Units;
        return units * KvChunkLayout.Unit;
    }

    private void CheckStates(string op, in Tensor q, in Tensor states)
    {
        Require.Activation(op, nameof(states), this, states);
        Require.Shape(op, nameof(states), states, new Shape(q.Rows, q.Shape[1], q.Last + 2));
    }

    private void CheckCompressed(string op, in CompressedKv kv, in Tensor q)
    {
        CheckChunks(op, kv.Chunks);
        Require.Type(op, nameof(kv.Table), kv.Table, ElementType.I32);
        Require.Owner(op, nameof(kv.Table), this, kv.Table);
        Require.Contiguous(op, nameof(kv.Table), kv.Table);
        Require.Shape(op, nameof(kv.Table), kv.Table, new Shape(kv.Table.Rows, 4));
        Require.That(kv.Layouts is { Length: > 0 }, op, "there must be a layout at least");
        Require.Activation(op, nameof(q), this, q);
        foreach (var layout in kv.Layouts)
            Require.That(q.Shape.Rank == 3 && q.Last == layout.HeadDim && q.Shape[1] % layout.KvHeads == 0
                && layout.KvHeads == kv.Layouts[0].KvHeads, op,
                $"q must be [tokens, a multiple of {layout.KvHeads}, {layout.HeadDim}], got {q.Shape}");
    }

    private void CheckChunks(string op, in Tensor chunks)
    {
        Require.Type(op, nameof(chunks), chunks, ElementType.I32);
        Require.Owner(op, nameof(chunks), this, chunks);
        Require.Contiguous(op, nameof(chunks), chunks);
        Require.Shape(op, nameof(chunks), chunks, new Shape(chunks.Rows, KvChunkLayout.Unit / sizeof(int)));
    }
}
