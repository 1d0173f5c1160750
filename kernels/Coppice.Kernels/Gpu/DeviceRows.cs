using ILGPU;

namespace Coppice.Kernels.Gpu;

/// <summary>Rows of 4-byte elements in device memory, perhaps further apart than they are long.</summary>
internal readonly struct DeviceRows(ArrayView<float> view, int stride, int width)
{
    /// <summary>From the first element of the first row to the last of the last.</summary>
    internal readonly ArrayView<float> View = view;
    /// <summary>Elements from row to row.</summary>
    internal readonly int Stride = stride;
    /// <summary>Elements of a row, or of a head where a row is several.</summary>
    internal readonly int Width = width;

    /// <summary>The same memory as I32: ids, positions, rows.</summary>
    internal ArrayView<int> Integers => View.Cast<int>();

    /// <summary>Where row <paramref name="row"/> begins in <see cref="View"/>.</summary>
    internal long Offset(int row) => (long)row * Stride;

    /// <summary>Where head <paramref name="head"/> of row <paramref name="row"/> begins.</summary>
    internal long Offset(int row, int head) => (long)row * Stride + head * Width;
}

/// <summary>The element that a thread of an element-wise kernel computes: one thread for each, groups along rows.</summary>
/// <remarks>Grid [rows, groups of a row]. A warp's threads touch consecutive elements of one row, so every access is coalesced.</remarks>
internal readonly struct DeviceCells(int width)
{
    private readonly int _width = width;

    internal static int Row => Grid.IdxX;
    internal static int Column => Grid.IdxY * Group.DimX + Group.IdxX;
    /// <summary>Whether this thread has an element: the last group of a row may reach beyond it.</summary>
    internal bool Inside => Column < _width;
}
