using ILGPU;

namespace Coppice.Kernels.Gpu;

/// <summary>F32 rows in device memory, perhaps further apart than they are long; a row may be one of several heads of a token.</summary>
/// <remarks>Row r is head r % split of token r / split: it begins at (r / split) · stride + (r % split) · width.</remarks>
internal readonly struct DeviceRows(ArrayView<float> view, int stride, int split, int width)
{
    /// <summary>From the first element of the first row to the last of the last.</summary>
    internal readonly ArrayView<float> View = view;
    /// <summary>Elements from token to token.</summary>
    internal readonly int Stride = stride;
    /// <summary>Rows of a token.</summary>
    internal readonly int Split = split;
    /// <summary>Elements of a row.</summary>
    internal readonly int Width = width;

    /// <summary>The same memory as I32: ids, positions, rows.</summary>
    internal ArrayView<int> Integers => View.Cast<int>();

    /// <summary>Where row <paramref name="row"/> begins in <see cref="View"/>.</summary>
    internal long Offset(int row) => (long)(row / Split) * Stride + row % Split * Width;
}

/// <summary>The element that a thread of an element-wise kernel computes: one thread for each, groups along rows.</summary>
/// <remarks>Grid [rows · groupsPerRow]. A warp's threads touch consecutive elements of one row, so every access is coalesced.</remarks>
internal readonly struct DeviceCells(int width, int groupsPerRow)
{
    private readonly int _width = width;
    private readonly int _groupsPerRow = groupsPerRow;

    internal int Row => Grid.IdxX / _groupsPerRow;
    internal int Column => Grid.IdxX % _groupsPerRow * Group.DimX + Group.IdxX;
    /// <summary>Whether this thread has an element: the last group of a row may reach beyond it.</summary>
    internal bool Inside => Column < _width;
}
