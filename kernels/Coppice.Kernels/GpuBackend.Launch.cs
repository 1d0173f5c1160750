using Coppice.Kernels.Gpu;
using Coppice.Kernels.Memory;
using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>Threads of an element-wise group: enough warps to hide latency, few enough that short rows do not idle.</summary>
    private const int CellGroup = 256;
    /// <summary>
    /// Threads that reduce one row at most: in decode there is one row, so its latency counts; 4 elements each for a hidden size of 4096.
    /// </summary>
    private const int RowGroup = 1024;
    /// <summary>Warps of a group where warps work alone: small groups let the scheduler balance.</summary>
    private const int LoneWarps = 4;

    /// <summary>Lanes of a warp of every NVIDIA GPU; for tables only, kernels ask the device.</summary>
    private const int GpuWarp = 32;

    private int WarpSize => _loader.WarpSize;

    private int MaxThreads => Math.Min(_loader.MaxThreads, Reduction.MaxWarps * WarpSize);

    /// <summary>Warps of a group of independent warps.</summary>
    private int WarpsPerGroup => Math.Min(LoneWarps, MaxThreads / WarpSize);

    private int RoundUpToWarps(int threads) => (threads + WarpSize - 1) / WarpSize * WarpSize;

    /// <summary>One thread for each of rows · width elements.</summary>
    private KernelConfig Cells(int rows, int width, out DeviceCells cells)
    {
        var threads = Math.Min(Math.Min(CellGroup, MaxThreads), RoundUpToWarps(width));
        cells = new DeviceCells(width);
        return new KernelConfig(new Index3D(rows, (width + threads - 1) / threads, 1), new Index3D(threads, 1, 1));
    }

    /// <summary>One group for each row, or for each head of each row; its size follows from the width alone.</summary>
    private KernelConfig GroupPerRow(int rows, int width, int heads = 1) =>
        new(new Index3D(rows, heads, 1), new Index3D(Math.Min(Math.Min(RowGroup, MaxThreads), RoundUpToWarps(width)), 1, 1));

    /// <summary>A tensor's rows, all axes but the first as one.</summary>
    private static DeviceRows Rows(in Tensor tensor) => new(View<float>(tensor), tensor.RowStride, tensor.Shape.RowLength);

    /// <summary>A tensor's rows with the last axis as the width: [tokens, width], or [tokens, heads, headDim].</summary>
    private static DeviceRows Heads(in Tensor tensor) => new(View<float>(tensor), tensor.RowStride, tensor.Last);

    /// <summary>How many heads a row of such a tensor has.</summary>
    private static int HeadsOf(in Tensor tensor) => tensor.Shape.RowLength / tensor.Last;

    /// <summary>The view of a tensor, or of anything valid where there is none: a kernel is told which by a flag.</summary>
    private ArrayView<T> ViewOrAny<T>(in Tensor tensor) where T : unmanaged => tensor.IsEmpty ? Scratch<T>(0, 1) : View<T>(tensor);

    /// <summary>Elements of the back end's own workspace, valid until the next op.</summary>
    private ArrayView<T> Scratch<T>(long byteOffset, long count) where T : unmanaged =>
        ((DevicePool)_scratch.Pool).View<T>(_scratch.Offset + byteOffset, count);
}
