using Coppice.Kernels.Gpu;
using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void TopKCore(Tensor x, Tensor values, Tensor indices)
    {
        var k = values.Last;
        var segments = (x.Last + LaunchPlan.SegmentLength - 1) / LaunchPlan.SegmentLength;
        var candidates = (long)segments * k;
        var rowsAtOnce = (int)Math.Min(x.Rows, _scratch.Bytes / (candidates * (sizeof(float) + sizeof(int))));
        var group = GroupPerRow(1, LaunchPlan.SegmentLength).GroupDim;
        var valueRows = Rows(values);
        if (segments == 1 || rowsAtOnce == 0 || candidates >= x.Last)           // one search over whole rows
        {
            _kernels.Launch(new KernelConfig(new Index3D(x.Rows, 1, 1), group), SelectKernel<RowCandidates>,
                new RowCandidates(Rows(x), 0, x.Last), k, valueRows, Rows(indices));
            return;
        }
        for (var row = 0; row < x.Rows; row += rowsAtOnce)
        {
            var rows = Math.Min(rowsAtOnce, x.Rows - row);
            var count = rows * candidates;
            var scratchValues = new DeviceRows(Scratch<float>(0, count), (int)candidates, (int)candidates);
            var scratchIndices = new DeviceRows(Scratch<float>(count * sizeof(float), count), (int)candidates, (int)candidates);
            _kernels.Launch(new KernelConfig(new Index3D(rows, segments, 1), group), SelectKernel<RowCandidates>,
                new RowCandidates(Rows(x), row, LaunchPlan.SegmentLength), k, scratchValues, scratchIndices);
            _kernels.Launch(new KernelConfig(new Index3D(rows, 1, 1), group), SelectKernel<ListCandidates>,
                new ListCandidates(scratchValues, scratchIndices), k, Rows(values.Slice(row, rows)), Rows(indices.Slice(row, rows)));
        }
    }

    /// <summary>What a group of <see cref="SelectKernel"/> chooses from.</summary>
    internal interface IDeviceCandidates
    {
        /// <summary>How many candidates segment <paramref name="segment"/> of a row has.</summary>
        int Count(int segment);
        /// <summary>Candidate <paramref name="i"/> of a segment of a row.</summary>
        Candidate Get(int row, int segment, int i);
    }

    /// <summary>The elements of rows, NaN as -∞.</summary>
    internal readonly struct RowCandidates(DeviceRows x, int firstRow, int segmentLength) : IDeviceCandidates
    {
        private readonly DeviceRows _x = x;
        private readonly int _firstRow = firstRow;
        private readonly int _segmentLength = segmentLength;

        public int Count(int segment) => Math.Min(_segmentLength, _x.Width - segment * _segmentLength);

        public Candidate Get(int row, int segment, int i)
        {
            var index = segment * _segmentLength + i;
            var value = _x.View[_x.Offset(_firstRow + row) + index];
            return new Candidate { Value = float.IsNaN(value) ? float.NegativeInfinity : value, Index = index };
        }
    }

    /// <summary>What the segments of a row have chosen.</summary>
    internal readonly struct ListCandidates(DeviceRows values, DeviceRows indices) : IDeviceCandidates
    {
        private readonly DeviceRows _values = values;
        private readonly DeviceRows _indices = indices;

        public int Count(int segment) => _values.Width;

        public Candidate Get(int row, int segment, int i) =>
            new() { Value = _values.View[_values.Offset(row) + i], Index = _indices.Integers[_indices.Offset(row) + i] };
    }

    /// <summary>The k first candidates of a segment, in order: k passes, each for the first candidate after the one before.</summary>
    /// <param name="candidates">What to choose from.</param>
    /// <param name="k">How many to choose; a segment with fewer gives <see cref="Candidate.None"/> for the rest.</param>
    /// <param name="values">[rows, segments · k].</param>
    /// <param name="indices">[rows, segments · k], I32.</param>
    /// <remarks>
    /// A group a (row, segment); thread i looks at candidates i, i + group, … Order is total (value descending, index ascending), so the
    /// result does not
    /// depend on the number of threads. Reads k · segment elements, all but the first time from L1, and writes k pairs.
    /// </remarks>
    [GroupSize(RowGroup)]
    internal static void SelectKernel<TCandidates>(TCandidates candidates, int k, DeviceRows values, DeviceRows indices)
        where TCandidates : struct, IDeviceCandidates
    {
        var partialValues = SharedMemory.Allocate<float>(Reduction.MaxWarps);
        var partialIndices = SharedMemory.Allocate<int>(Reduction.MaxWarps);
        var (row, segment) = (Grid.IdxX, Grid.IdxY);
        var count = candidates.Count(segment);
        var previous = new Candidate { Value = float.PositiveInfinity, Index = -1 };
        for (var chosen = 0; chosen < k; chosen++)
        {
            var best = Candidate.None;
            for (var i = Group.IdxX; i < count; i += Group.DimX)
            {
                var candidate = candidates.Get(row, segment, i);
                if (Candidate.Precedes(previous, candidate) && Candidate.Precedes(candidate, best)) best = candidate;
            }
            best = Reduction.WarpFirst(best);
            if (Warp.LaneIdx == 0)
            {
                partialValues[Warp.WarpIdx] = best.Value;
                partialIndices[Warp.WarpIdx] = best.Index;
            }
            Group.Barrier();
            for (var warp = 0; warp < Group.DimX / Warp.WarpSize; warp++)
            {
                var other = new Candidate { Value = partialValues[warp], Index = partialIndices[warp] };
                if (Candidate.Precedes(other, best)) best = other;
            }
            Group.Barrier();
            previous = best;
            if (Group.IdxX != 0) continue;
            values.View[values.Offset(row) + segment * k + chosen] = best.Value;
            indices.Integers[indices.Offset(row) + segment * k + chosen] = best.Index;
        }
    }
}
