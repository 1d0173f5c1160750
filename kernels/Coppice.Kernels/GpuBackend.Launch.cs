using Coppice.Kernels.Gpu;
using Coppice.Kernels.Memory;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>Threads of an element-wise group: enough warps to hide latency, few enough that short rows do not idle.</summary>
    private const int CellGroup = 256;
    /// <summary>Threads that reduce one row at most: 16 elements each for a hidden size of 8192.</summary>
    private const int RowGroup = 512;
    /// <summary>Warps of a group where warps work alone: small groups let the scheduler balance.</summary>
    private const int LoneWarps = 4;

    /// <summary>Lanes of a warp of every NVIDIA GPU; for tables only, kernels ask the device.</summary>
    private const int GpuWarp = 32;

    private int WarpSize => _accelerator.WarpSize;

    private int MaxThreads => Math.Min(_accelerator.MaxNumThreadsPerGroup, Reduction.MaxWarps * WarpSize);

    /// <summary>Warps of a group of independent warps.</summary>
    private int WarpsPerGroup => Math.Min(LoneWarps, MaxThreads / WarpSize);

    private int RoundUpToWarps(int threads) => (threads + WarpSize - 1) / WarpSize * WarpSize;

    /// <summary>One thread for each of rows · width elements.</summary>
    private KernelConfig Cells(int rows, int width, out DeviceCells cells)
    {
        var threads = Math.Min(Math.Min(CellGroup, MaxThreads), RoundUpToWarps(width));
        var groupsPerRow = (width + threads - 1) / threads;
        cells = new DeviceCells(width, groupsPerRow);
        return new KernelConfig(checked(rows * groupsPerRow), threads);
    }

    /// <summary>One group for each row, its size from the width alone.</summary>
    private KernelConfig GroupPerRow(int rows, int width) =>
        new(rows, Math.Min(Math.Min(RowGroup, MaxThreads), RoundUpToWarps(width)));

    /// <summary>One warp for each of <paramref name="items"/>.</summary>
    private KernelConfig WarpPerItem(long items)
    {
        var warps = WarpsPerGroup;
        return new KernelConfig(checked((int)((items + warps - 1) / warps)), warps * WarpSize);
    }

    /// <summary>A tensor's rows, all axes but the first as one.</summary>
    private static DeviceRows Rows(in Tensor tensor) => new(View<float>(tensor), tensor.RowStride, 1, tensor.Shape.RowLength);

    /// <summary>A tensor's vectors along the last axis: the rows of a matrix, the heads of [tokens, heads, headDim].</summary>
    private static DeviceRows Vectors(in Tensor tensor, out int count)
    {
        var split = tensor.Shape.Rank == 1 ? 1 : tensor.Shape.RowLength / tensor.Last;
        count = tensor.Shape.Rank == 1 ? 1 : tensor.Rows * split;
        return new DeviceRows(View<float>(tensor), tensor.RowStride, split, tensor.Last);
    }

    /// <summary>The view of a tensor, or of anything valid where there is none: a kernel is told which by a flag.</summary>
    private ArrayView<T> ViewOrAny<T>(in Tensor tensor) where T : unmanaged => tensor.IsEmpty ? Scratch<T>(0, 1) : View<T>(tensor);

    /// <summary>Elements of the back end's own workspace, valid until the next op.</summary>
    private ArrayView<T> Scratch<T>(long byteOffset, long count) where T : unmanaged =>
        ((DevicePool)_scratch.Pool).View<T>(_scratch.Offset + byteOffset, count);
}
