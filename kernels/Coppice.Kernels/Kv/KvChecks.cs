namespace Coppice.Kernels;

/// <summary>What every op on a cache checks of it, whatever its kind.</summary>
public abstract partial class Backend
{
    private void CheckAppend(in Tensor keys, in Tensor values, int capacity, in Tensor k, in Tensor v, int start)
    {
        const string op = "kv_append";
        CheckKv(op, keys, values);
        Require.Activation(op, nameof(k), this, k);
        Require.Activation(op, nameof(v), this, v);
        Require.Shape(op, nameof(k), k, new Shape(k.Rows, keys.Shape[1], keys.Shape[2]));
        Require.Shape(op, nameof(v), v, k.Shape);
        Require.That(start >= 0 && start <= capacity - k.Rows, op,
            $"slots {start}..{(long)start + k.Rows} must be within the capacity of {capacity}");
    }

    /// <summary>Bytes that appending rows reads, and writes in the cache's type.</summary>
    private static long AppendBytes(in Tensor keys, in Tensor k) =>
        2 * (Bytes(k) + (long)k.Rows * k.Shape.RowLength * keys.Type.Size());

    /// <summary>Bytes that moving keys and values of tokens reads and writes.</summary>
    private static long MoveBytes(in Tensor keys, int tokens) => 4L * tokens * keys.Shape[1] * keys.Shape[2] * keys.Type.Size();

    private void CheckMove(in Tensor keys, in Tensor values, int capacity, ReadOnlySpan<int> sources, int start)
    {
        CheckKv("kv_move", keys, values);
        Require.That(start >= 0, "kv_move", $"the first destination must not be negative, got {start}");
        for (var j = 0; j < sources.Length; j++)
            Require.That(sources[j] >= start + j && sources[j] < capacity && (j == 0 || sources[j] > sources[j - 1]), "kv_move",
                $"sources must ascend within {start + j}..{capacity - 1}, got {sources[j]} at {j}");
    }

    private void CheckKv(string op, in Tensor keys, in Tensor values)
    {
        Require.Real(op, nameof(keys), keys);
        Require.Owner(op, nameof(keys), this, keys);
        Require.Type(op, nameof(values), values, keys.Type);
        Require.Owner(op, nameof(values), this, values);
        Require.Shape(op, nameof(keys), keys, KvLayout.Keys(keys.Rows, keys.Shape[1], keys.Shape[2]));
        Require.Shape(op, nameof(values), values, KvLayout.Values(keys.Rows, keys.Shape[1], keys.Shape[2]));
        Require.Contiguous(op, nameof(keys), keys);
        Require.Contiguous(op, nameof(values), values);
    }

    private void CheckPageTable(string op, in PagedKv kv)
    {
        Require.Type(op, nameof(kv.PageTable), kv.PageTable, ElementType.I32);
        Require.Owner(op, nameof(kv.PageTable), this, kv.PageTable);
        Require.Contiguous(op, nameof(kv.PageTable), kv.PageTable);
    }
}
