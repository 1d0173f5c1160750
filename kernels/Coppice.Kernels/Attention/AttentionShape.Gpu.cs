using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>What one pair of launches covers.</summary>
    internal readonly struct AttentionShape(int firstRow, int rows, int heads, int headDim, int firstBlock, int blocks, int valueGroups)
    {
        /// <summary>Rows of q from FirstRow on.</summary>
        internal readonly int FirstRow = firstRow, Rows = rows;
        /// <summary>Query heads, and elements of a head.</summary>
        internal readonly int Heads = heads, HeadDim = headDim;
        /// <summary>Logical blocks from FirstBlock on.</summary>
        internal readonly int FirstBlock = firstBlock, Blocks = blocks;
        /// <summary>
        /// Positions that a warp reads values of at once: a power of two, more than 1 where a value has fewer than 4 · warpSize elements.
        /// </summary>
        internal readonly int ValueGroups = valueGroups;

        /// <summary>
        /// Where the state of (row, head, block) begins: o [headDim], then m, then l. Block <see cref="Blocks"/> is the running state of
        /// earlier segments.
        /// </summary>
        /// <remarks>The running states lie first, so that they stay where they are when the last segment has fewer blocks.</remarks>
        internal long State(int row, int head, int block) =>
            (block == Blocks ? (long)row * Heads + head : (long)Rows * Heads + ((long)row * Blocks + block) * Heads + head) * (HeadDim + 2);
    }

    /// <summary>
    /// Who sees whom: <see cref="AttentionMask"/> on the device. PathStride is 0 where rows are consecutive positions; a row then sees Step
    /// positions more than the one before it, 1 or, where all rows see all, 0.
    /// </summary>
    internal readonly struct DeviceMask(
        ArrayView<int> paths, ArrayView<int> depths, int pathStride, int start, int step, int window, KvHorizon from)
    {
        private readonly ArrayView<int> _paths = paths;
        private readonly ArrayView<int> _depths = depths;
        private readonly int _pathStride = pathStride;
        private readonly int _start = start;
        private readonly int _step = step;
        private readonly int _window = window;
        private readonly int _chunked = from.Tokens, _chunkStep = from.Step, _delay = from.Delay;

        /// <summary>The last logical position that a row sees, which is its own unless all rows see all.</summary>
        internal int Position(int row) => _start + (_pathStride == 0 ? row * _step : _depths[row]);

        /// <summary>The first position that a row at <paramref name="position"/> sees, compressed or not.</summary>
        internal int FirstOfWindow(int position) => _window == 0 ? 0 : Math.Max(0, position - _window + 1);

        /// <summary>The first position that it does not see compressed: see <see cref="KvHorizon.Of"/>.</summary>
        internal int Horizon(int position) => _chunkStep == 0 ? _chunked
            : Math.Min(Math.Max((position - _delay) / _chunkStep * _chunkStep, 0), _chunked);

        /// <summary>The first position that it sees as it is.</summary>
        internal int First(int position) => Math.Max(Horizon(position), FirstOfWindow(position));

        /// <summary>Whether slots below <paramref name="end"/> are their own positions for every row.</summary>
        internal bool IsConsecutive(int end) => _pathStride == 0 || end <= _start;

        /// <summary>The slot of a logical position that <paramref name="row"/> sees.</summary>
        internal int Slot(int row, int position) =>
            _pathStride == 0 || position < _start ? position : _start + _paths[(long)row * _pathStride + position - _start];
    }

    /// <summary>The positions of a block that a row sees: Low … High - 1, within 64 from Begin on.</summary>
    internal readonly struct Span64(int begin, int low, int high)
    {
        internal readonly int Begin = begin, Low = low, High = high;
    }
}
