using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

/// <summary>Page of a block: what the sequence's page table says.</summary>
internal readonly struct DevicePagedPages : IDevicePages
{
    public static int Page(ArrayView<int> table, int block) => table[block];
}

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void KvAppendCore(in PagedKv kv, Tensor k, Tensor v, int start) =>
        kv.Keys.Type.Dispatch(new AppendCall<DevicePagedPages>(this, kv.Keys, kv.Values, kv.PageTable, k, v, start));

    /// <inheritdoc/>
    protected override void KvMoveCore(in PagedKv kv, ReadOnlySpan<int> sources, int start) =>
        kv.Keys.Type.Dispatch(new MoveCall<DevicePagedPages>(this, kv.Keys, kv.Values, kv.PageTable, sources, start));

    /// <inheritdoc/>
    protected override void AttentionCore(Tensor q, in PagedKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) =>
        kv.Keys.Type.Dispatch(new AttendCall<DevicePagedPages>(this, kv.Keys, kv.Values, kv.PageTable, q, mask, scale, softCap,
            new StateTarget(y)));
}
