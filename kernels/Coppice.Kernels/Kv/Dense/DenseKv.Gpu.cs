using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

/// <summary>Page of a block: the block itself.</summary>
internal readonly struct DeviceDensePages : IDevicePages
{
    public static int Page(ArrayView<int> table, int block) => block;
}

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void KvAppendCore(in DenseKv kv, Tensor k, Tensor v, int start) =>
        kv.Keys.Type.Dispatch(new AppendCall<DeviceDensePages>(this, kv.Keys, kv.Values, default, k, v, start));

    /// <inheritdoc/>
    protected override void KvMoveCore(in DenseKv kv, ReadOnlySpan<int> sources, int start) =>
        kv.Keys.Type.Dispatch(new MoveCall<DeviceDensePages>(this, kv.Keys, kv.Values, default, sources, start));

    /// <inheritdoc/>
    protected override void AttentionCore(Tensor q, in DenseKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) =>
        kv.Keys.Type.Dispatch(new AttendCall<DeviceDensePages>(this, kv.Keys, kv.Values, default, q, mask, scale, softCap,
            new StateTarget(y)));
}
