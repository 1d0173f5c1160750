namespace Coppice.Kernels;

/// <summary>Page of a block: what the sequence's page table says.</summary>
internal readonly unsafe struct PagedPages(in PagedKv kv) : IHostPages
{
    private readonly int* _table = (int*)kv.PageTable.Address;

    public byte* Keys { get; } = (byte*)kv.Keys.Address;
    public byte* Values { get; } = (byte*)kv.Values.Address;
    public int Page(int block) => _table[block];
}

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void KvAppendCore(in PagedKv kv, Tensor k, Tensor v, int start) =>
        Append(new PagedPages(kv), kv.Keys.Type, k, v, start);

    protected override void KvMoveCore(in PagedKv kv, ReadOnlySpan<int> sources, int start) =>
        Move(new PagedPages(kv), kv.Keys.Type.Size(), kv.KvHeads, kv.HeadDim, sources, start);
}
