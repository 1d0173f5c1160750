namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>
    /// y = softmax(c(scale · q Kᵀ)) V over the keys that <paramref name="mask"/> lets each row see; query head h reads KV head h · kvHeads
    /// / queryHeads; c is the soft cap.
    /// </summary>
    /// <param name="q">[tokens, queryHeads, headDim], F32, after RoPE; queryHeads a multiple of the KV heads.</param>
    /// <param name="kv">The cache of one layer, with the rows' own keys and values appended from slot mask.Start.</param>
    /// <param name="mask">Who sees whom.</param>
    /// <param name="scale">Usually 1 / √headDim.</param>
    /// <param name="softCap">c(s) = softCap · tanh(s / softCap); 0 for none.</param>
    /// <param name="y">As <paramref name="q"/>; must not overlap it.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>
    /// Keys are split by logical position into blocks of 64; each gives a running maximum m, sum l and output o, merged in ascending order
    /// (Milakov and Gimelshein, Online normalizer calculation for softmax, alg. 3). A row that sees nothing gives zeros.
    /// </remarks>
    public void Attention(Tensor q, in DenseKv kv, in AttentionMask mask, float scale, float softCap, Tensor y)
    {
        using var running = Enter();
        CheckAttention(q, kv.Keys, kv.Values, kv.Capacity, mask, softCap, y);
        ProfileAttention(q, kv.Keys, mask, y);
        if (q.Rows > 0) AttentionCore(q, kv, mask, scale, softCap, y);
    }

    /// <inheritdoc cref="Attention(Tensor, in DenseKv, in AttentionMask, float, float, Tensor)"/>
    public void Attention(Tensor q, in PagedKv kv, in AttentionMask mask, float scale, float softCap, Tensor y)
    {
        using var running = Enter();
        CheckPageTable("attention", kv);
        CheckAttention(q, kv.Keys, kv.Values, kv.Capacity, mask, softCap, y);
        ProfileAttention(q, kv.Keys, mask, y);
        if (q.Rows > 0) AttentionCore(q, kv, mask, scale, softCap, y);
    }

    /// <inheritdoc cref="Attention(Tensor, in DenseKv, in AttentionMask, float, float, Tensor)"/>
    protected abstract void AttentionCore(Tensor q, in DenseKv kv, in AttentionMask mask, float scale, float softCap, Tensor y);
    /// <inheritdoc cref="Attention(Tensor, in DenseKv, in AttentionMask, float, float, Tensor)"/>
    protected abstract void AttentionCore(Tensor q, in PagedKv kv, in AttentionMask mask, float scale, float softCap, Tensor y);

    private void ProfileAttention(in Tensor q, in Tensor keys, in AttentionMask mask, in Tensor y) =>
        Profile?.Work(AttentionBytes(q, keys, mask) + Bytes(y), AttentionFlops(q, mask), AttentionShape(q, keys),
            LaunchPlan.Attention(q, mask));

    /// <summary>Bytes of queries and of the keys and values that any row sees, each read once.</summary>
    /// <param name="q"/><param name="keys"/><param name="mask"/>
    /// <param name="first">Positions before it are seen elsewhere.</param>
    private static long AttentionBytes(in Tensor q, in Tensor keys, in AttentionMask mask, int first = 0)
    {
        var slots = mask.Start + Math.Max(q.Rows, mask.Nodes) - first;
        var seen = mask.Window == 0 ? slots : Math.Min(slots, mask.Window + q.Rows - 1);
        return Bytes(q) + 2L * seen * keys.Shape[1] * keys.Shape[2] * keys.Type.Size();
    }

    /// <summary>Those of scores and outputs; of a row of a tree, whose depth is on the device, without its path.</summary>
    private static long AttentionFlops(in Tensor q, in AttentionMask mask)
    {
        long pairs = 0;
        for (var row = 0; row < q.Rows; row++)
        {
            var seen = mask.IsFull ? mask.Start + q.Rows : mask.Paths.IsEmpty ? mask.Start + row + 1 : mask.Start + 1;
            pairs += mask.Window == 0 ? seen : Math.Min(seen, mask.Window);
        }
        return 4L * pairs * q.Shape.RowLength;
    }

    private static string AttentionShape(in Tensor q, in Tensor keys) => $"{q.Shape[1]} on {keys.Shape[1]} heads of {q.Last}, {keys.Type}";

    private void CheckAttention(in Tensor q, in Tensor keys, in Tensor values, int capacity, in AttentionMask mask, float softCap,
        in Tensor y)
    {
        const string op = "attention";
        CheckKv(op, keys, values);
        Require.Activation(op, nameof(q), this, q);
        Require.Activation(op, nameof(y), this, y);
        Require.That(q.Shape.Rank == 3 && q.Last == keys.Shape[2] && keys.Shape[1] > 0 && q.Shape[1] % keys.Shape[1] == 0, op,
            $"q must be [tokens, a multiple of {keys.Shape[1]}, {keys.Shape[2]}], got {q.Shape}");
        Require.Shape(op, nameof(y), y, q.Shape);
        Require.That(softCap >= 0, op, $"softCap must not be negative, got {softCap}");
        var slots = Math.Max(q.Rows, mask.Nodes);
        Require.That(mask.Start <= capacity - slots, op,
            $"slots {mask.Start}..{(long)mask.Start + slots} must be within the capacity of {capacity}");
        CheckPaths(op, q, mask);
    }

    private void CheckPaths(string op, in Tensor q, in AttentionMask mask)
    {
        if (mask.Paths.IsEmpty) return;
        Require.Type(op, nameof(mask.Paths), mask.Paths, ElementType.I32);
        Require.Type(op, nameof(mask.Depths), mask.Depths, ElementType.I32);
        Require.Owner(op, nameof(mask.Paths), this, mask.Paths);
        Require.Owner(op, nameof(mask.Depths), this, mask.Depths);
        Require.Rows(op, nameof(mask.Paths), mask.Paths, q.Rows);
        Require.Shape(op, nameof(mask.Depths), mask.Depths, new Shape(q.Rows));
        Require.That(mask.Paths.Shape.Rank == 2 && mask.Deepest < mask.Paths.Last, op,
            $"Paths must be [{q.Rows}, at least {mask.Deepest + 1L}] for rows as deep as {mask.Deepest}, got {mask.Paths.Shape}");
    }
}
