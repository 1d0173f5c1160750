using Coppice.Kernels.Gpu;
using Coppice.Kernels.Memory;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    private KvChunkLayout[]? _described;        // the layouts whose numbers are in _layouts
    private DevicePool? _layoutPool;
    private PoolBuffer? _layouts;

    protected override void AttendBlocksCore(Tensor q, in CompressedKv kv, in AttentionMask mask, float scale, float softCap,
        Tensor states)
    {
        var blocksPerChunk = 0;
        foreach (var layout in kv.Layouts)
            blocksPerChunk = Math.Max(blocksPerChunk, (layout.Tokens + KvLayout.PageSize - 1) / KvLayout.PageSize);
        var target = new StateTarget(default, states, kv.Horizon);
        if (kv.Table.Rows == 0)
        {
            // No block: the states of rows that see nothing.
            var config = Cells(q.Rows, q.Shape[1] * (q.Last + 2), out var cells);
            _kernels.Launch(config, ClearStatesKernel, cells, Rows(states), q.Last);
            return;
        }
        var chunks = new DeviceChunks(
            View<byte>(kv.Chunks), View<ushort>(kv.Chunks), View<int>(kv.Table), Described(kv.Layouts), kv.Layouts[0].KvHeads,
            blocksPerChunk);
        Attend(q, chunks, kv.Table.Rows * blocksPerChunk, mask, scale, softCap, target);
    }

    protected override void AttendBlocksCore(Tensor q, in PagedKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues) =>
        kv.Keys.Type.Dispatch(new AttendCall<DevicePagedPages>(this, kv.Keys, kv.Values, kv.PageTable, q, mask, scale, softCap,
            new StateTarget(default, states, from, continues)));

    protected override void AttendBlocksCore(Tensor q, in DenseKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues) =>
        kv.Keys.Type.Dispatch(new AttendCall<DeviceDensePages>(this, kv.Keys, kv.Values, default, q, mask, scale, softCap,
            new StateTarget(default, states, from, continues)));

    protected override void MergeBlocksCore(Tensor states, Tensor y)
    {
        var config = Cells(y.Rows, y.Shape.RowLength, out var cells);
        _kernels.Launch(config, DivideStatesKernel, cells, Heads(states), Heads(y));
    }

    /// <summary>y = o / l, 0 where a row saw nothing, one thread an element. Reads 8 bytes and writes 4 for each.</summary>
    [GroupSize(CellGroup)]
    internal static void DivideStatesKernel(DeviceCells cells, DeviceRows states, DeviceRows y)
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        var state = states.Offset(row, column / y.Width);
        var sum = states.View[state + y.Width + 1];
        y.View[y.Offset(row) + column] = sum == 0f ? 0f : states.View[state + column % y.Width] / sum;
    }

    /// <summary>o = 0, m = -∞, l = 0, one thread an element. Writes 4 bytes for each.</summary>
    [GroupSize(CellGroup)]
    internal static void ClearStatesKernel(DeviceCells cells, DeviceRows states, int headDim)
    {
        if (!cells.Inside) return;
        var column = DeviceCells.Column;
        states.View[states.Offset(DeviceCells.Row) + column] = column % (headDim + 2) == headDim ? float.NegativeInfinity : 0f;
    }

    /// <summary>The numbers of layouts, on the device; they stay there until others are asked for.</summary>
    private ArrayView<int> Described(KvChunkLayout[] layouts)
    {
        var words = DeviceLayout.Words(layouts[0].KvHeads);
        var bytes = (long)layouts.Length * words * sizeof(int);
        if (_layouts is null || _layouts.Bytes < bytes)
        {
            _layouts?.Dispose();
            _layoutPool?.Dispose();
            _layoutPool = new DevicePool(this, _device, "layouts", Math.Max(bytes, 1 << 12));
            _layouts = _layoutPool.Rent(Math.Max(bytes, 1 << 12));
            _described = null;
        }
        var view = _layoutPool!.View<int>(_layouts.Offset, (long)layouts.Length * words);
        if (ReferenceEquals(_described, layouts)) return view;
        var numbers = new int[layouts.Length * words];
        for (var i = 0; i < layouts.Length; i++) DeviceLayout.Describe(layouts[i], numbers.AsSpan(i * words, words));
        _staging.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes(numbers.AsSpan()), view.Cast<byte>());
        _described = layouts;
        return view;
    }
}
