namespace Coppice.Kernels;

/// <summary>Page of a block: the block itself.</summary>
internal readonly unsafe struct DensePages(in DenseKv kv) : IHostPages
{
    public byte* Keys { get; } = (byte*)kv.Keys.Address;
    public byte* Values { get; } = (byte*)kv.Values.Address;
    public int Page(int block) => block;
}

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void KvAppendCore(in DenseKv kv, Tensor k, Tensor v, int start) =>
        Append(new DensePages(kv), kv.Keys.Type, k, v, start);

    protected override void KvMoveCore(in DenseKv kv, ReadOnlySpan<int> sources, int start) =>
        Move(new DensePages(kv), kv.Keys.Type.Size(), kv.KvHeads, kv.HeadDim, sources, start);
}
