using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>
    /// What all matrix products share: a part is some panels, for all rows: a thread's range of panels, and what it can help others with.
    /// </summary>
    private abstract class ProductJob : Job
    {
        private SharedRanges? _ranges;
        private BestLists _best;

        protected PanelMatrix Weight { get; private set; } = null!;
        protected float* X { get; private set; }
        protected float* Y { get; private set; }
        protected int Rows { get; private set; }
        protected int YStride { get; private set; }
        protected float* Bias { get; private set; }

        internal int Parts { get; private set; }

        /// <summary>Below this number of products, one thread is faster than handing out parts.</summary>
        private const int SerialProducts = 1 << 17;

        /// <summary>Splits the work for <paramref name="threads"/>.</summary>
        internal void Split(int threads)
        {
            Parts = (long)Rows * Weight.Inputs * Weight.Outputs < SerialProducts ? 1 : threads;
            (_ranges ??= new SharedRanges(threads)).Set((Weight.Panels + Unit - 1) / Unit);
        }

        internal void Set(float* x, PanelMatrix weight, in Tensor bias, in Tensor y, BestLists best)
        {
            X = x;
            Y = Row(y, 0);
            Bias = bias.IsEmpty ? null : Row(bias, 0);
            (Weight, Rows, YStride, _best) = (weight, y.Rows, y.RowStride, best);
        }

        internal override void Execute(int part, int worker)
        {
            var most = (Rows < FewRows ? RowPanels : GroupPanels) / Unit;
            while (_ranges!.TryTake(part, most, out var first, out var end))
            {
                Panels(first * Unit, Math.Min(end * Unit, Weight.Panels), worker);
                if (_best.K > 0) KeepBest(first * Unit * Lanes, Math.Min(end * Unit * Lanes, Weight.Outputs), worker);
            }
        }

        /// <summary>Looks through outputs <paramref name="first"/> … <paramref name="end"/> - 1 of every row.</summary>
        private void KeepBest(int first, int end, int worker)
        {
            for (var row = 0; row < Rows; row++)
                KeepLargest(Y + (long)row * YStride + first, end - first, first, _best.K, _best.Values(worker, row),
                    _best.Indices(worker, row));
        }

        /// <summary>Panels that go together.</summary>
        private int Unit => Rows == 1 ? 1 : PanelTile;

        /// <summary>All rows by panels <paramref name="first"/> … <paramref name="end"/> - 1.</summary>
        protected abstract void Panels(int first, int end, int worker);

        /// <summary>Stores the sums of up to <paramref name="panels"/> panels of a row, with the bias.</summary>
        [MethodImpl(Compiled.Alone)]
        protected void Finish(float* sums, int panel, int panels, int row)
        {
            var output = panel * Lanes;
            var count = Math.Min(panels * Lanes, Weight.Outputs - output);
            var y = Y + (long)row * YStride + output;
            if (Bias is null) new ReadOnlySpan<float>(sums, count).CopyTo(new Span<float>(y, count));
            else
                for (var i = 0; i < count; i++) y[i] = sums[i] + Bias[output + i];
        }
    }

    /// <summary>Rounds activations into the tiles that a product will read: part p has tiles p, p + parts, and so on.</summary>
    private abstract class TilesJob : Job
    {
        private int _parts;

        protected abstract int Rows { get; }
        /// <summary>Elements of a row.</summary>
        protected abstract int Inputs { get; }
        /// <summary>Elements below which one thread rounds faster than two: some microseconds.</summary>
        protected abstract int Serial { get; }

        /// <summary>Parts, one for each thread.</summary>
        internal int Parts(int threads) => _parts = (long)Rows * Inputs < Serial ? 1 : threads;

        /// <summary>Rows of the next tile where <paramref name="left"/> are left.</summary>
        protected abstract int Height(int left);

        /// <summary>Rounds the tile that begins with row <paramref name="first"/>; its last rows may not be there.</summary>
        protected abstract void Tile(int first, int height);

        internal override void Execute(int part, int worker)
        {
            for (int row = 0, tile = 0, height; row < Rows; row += height, tile++)
            {
                height = Height(Rows - row);
                if (tile % _parts == part) Tile(row, height);
            }
        }
    }

    /// <summary>Products of F32 activations: x is a row, or packed in tiles.</summary>
    private abstract class PanelJob : ProductJob
    {
        private readonly nint _alias = 0;
        private float* _scratch;
        private int _accumulators, _expanded;

        internal void SetScratch(float* scratch, int accumulators, int expanded)
        {
            _scratch = scratch;
            (_accumulators, _expanded) = (accumulators, expanded);
        }

        /// <summary>Whether there is a tile of 6 rows.</summary>
        protected virtual bool HasSixRows => true;
        /// <summary>Whether there is a tile of 3 rows: of weights in the cache a fourth row costs its arithmetic.</summary>
        protected virtual bool HasThreeRows => RowTile == 8;

        /// <summary>
        /// Rows of the next tile where <paramref name="left"/> rows are left: full, or the smaller height that wastes least.
        /// </summary>
        internal int TileHeight(int left) => left switch
        {
            <= 2 => 2,
            3 when HasThreeRows => 3,
            <= 4 => 4,
            5 or 6 or 9 or 10 when HasSixRows => 6,
            7 or 8 => RowTile == 8 ? 8 : 4,
            _ => RowTile,
        };

        /// <summary>Rows of packed x, the last tile's padding included: tiles begin anew with every block of rows.</summary>
        internal int PackedRows(int rows)
        {
            var packed = rows / RowBlock * RowBlock;
            while (packed < rows) packed += TileHeight(rows - packed);
            return packed;
        }

        /// <summary>Whether weights are widened to F32 before <paramref name="rows"/> rows are multiplied with them.</summary>
        internal abstract bool Expands(int rows);

        /// <summary>Whether <see cref="Direct"/> takes some inputs at a time.</summary>
        protected virtual bool BlocksInputs => true;

        /// <summary>One row by up to 8 panels.</summary>
        protected abstract void OneRow(int panel, int panels, float* sums);

        /// <summary>Inputs 2 · pair … of a panel as [pairs][2][16] F32.</summary>
        protected abstract void Expand(int panel, int pair, int pairs, float* destination);

        /// <summary>Rows by up to 8 panels, over some inputs of the weights as they are kept.</summary>
        protected abstract void Direct(int panel, int panels, int firstRow, int rows, int pair, int pairs, float* sums);

        protected override void Panels(int first, int end, int worker)
        {
            var sums = _scratch + (long)worker * (_accumulators + _expanded);
            for (var panel = first; panel < end; panel += GroupPanels)
            {
                var panels = Math.Min(GroupPanels, end - panel);
                if (Rows == 1)
                {
                    OneRow(panel, panels, sums);
                    Finish(sums, panel, panels, 0);
                    continue;
                }
                for (var row = 0; row < Rows; row += RowBlock)
                    Block(panel, panels, row, Math.Min(RowBlock, Rows - row), sums, sums + _accumulators);
            }
        }

        /// <summary>Up to 96 rows by up to 128 outputs, blocked over k so that the weights of a group stay in the L2 cache.</summary>
        private void Block(int panel, int panels, int firstRow, int rows, float* sums, float* expanded)
        {
            var step = _expanded > 0 ? ExpandedPairs : BlocksInputs ? PairBlock : Weight.Pairs;
            for (var pair = 0; pair < Weight.Pairs; pair += step)
            {
                var pairs = Math.Min(step, Weight.Pairs - pair);
                if (_expanded == 0)
                {
                    Direct(panel, panels, firstRow, rows, pair, pairs, sums);
                    continue;
                }
                var apart = (long)pairs * 2 * Lanes;
                for (var p = 0; p < panels; p++) Expand(panel + p, pair, pairs, expanded + p * apart);
                Tiles<F32Panels<TLanes>>(panel, panels, firstRow, rows, pair, pairs, (byte*)expanded, apart * sizeof(float), sums);
            }
        }

        /// <summary>
        /// Register tiles over inputs 2 · pair … of weights that begin at <paramref name="source"/>, panels <paramref name="apart"/> bytes
        /// apart.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        protected void Tiles<TFormat>(int panel, int panels, int firstRow, int rows, int pair, int pairs, byte* source, long apart,
            float* sums)
            where TFormat : struct, IPanelFormat<TLanes>
        {
            var last = pair + pairs == Weight.Pairs;
            for (var row = 0; row < rows;)
            {
                var height = TileHeight(rows - row);
                var x = X + (long)(firstRow + row) * 2 * Weight.Pairs + (long)pair * 2 * height;
                for (int p = 0, width; p < panels; p += width)
                {
                    width = PanelTile == 2 && (Rows <= 4 || height == 6) && panels - p >= RowPanels ? RowPanels : PanelTile;
                    var w = source + p * apart;
                    var c = sums + row * GroupPanels * Lanes + p * height * Lanes;
                    var output = (panel + p) * Lanes;
                    // The last block of a whole tile goes straight to y; all else by way of the accumulators' memory.
                    var direct = last && Bias is null && height <= rows - row && output + width * Lanes <= Weight.Outputs;
                    var y = direct ? Y + (long)(firstRow + row) * YStride + output : c;
                    var stride = direct ? YStride : width * Lanes;
                    var jump = width * apart - (long)pairs * TFormat.PairBytes;
                    var start = pair == 0 ? null : c;
                    if (width == RowPanels) TilesOf4<TFormat>(height, x, w, apart, pairs, start, y, stride, PrefetchBytes, jump, _alias);
                    else if (PanelTile == 1) TilesOf1<TFormat>(height, x, w, pairs, start, y, stride, _alias);
                    else TilesOf2<TFormat>(height, x, w, p + 1 < panels ? w + apart : w, pairs, start, y, stride, 2 * PrefetchBytes, jump,
                        _alias);
                    if (last && !direct)
                        for (var r = 0; r < height && row + r < rows; r++)
                            Finish(c + r * width * Lanes, panel + p, width, firstRow + row + r);
                }
                row += height;
            }
        }
    }

    /// <summary>
    /// Weights of 16 or 32 bits, widened in registers; F16, whose widening takes three instructions, in memory where many rows share it.
    /// </summary>
    private sealed class DirectJob<TFormat> : PanelJob where TFormat : struct, IPanelFormat<TLanes>
    {
        internal override bool Expands(int rows) => typeof(TFormat) == typeof(F16Panels<TLanes>) && rows > 2 * RowTile;

        [MethodImpl(Compiled.Alone)]
        protected override void OneRow(int panel, int panels, float* sums)
        {
            var bytes = Weight.PanelBytes;
            for (var p = 0; p < panels;)
            {
                var source = Weight.Panel(panel + p);
                var width = panels - p >= RowPanels ? RowPanels : panels - p >= 2 ? 2 : 1;
                OneRow<TFormat>(width, X, source, bytes, Weight.Pairs, sums + p * Lanes);
                p += width;
            }
        }

        protected override void Direct(int panel, int panels, int firstRow, int rows, int pair, int pairs, float* sums) =>
            Tiles<TFormat>(panel, panels, firstRow, rows, pair, pairs, Weight.Panel(panel) + (long)pair * TFormat.PairBytes,
                Weight.PanelBytes, sums);

        [MethodImpl(Compiled.Alone)]
        protected override void Expand(int panel, int pair, int pairs, float* destination)
        {
            var source = Weight.Panel(panel) + (long)pair * TFormat.PairBytes;
            for (var p = 0; p < pairs; p++)
            {
                TLanes.Store(TFormat.Even(source), destination);
                TLanes.Store(TFormat.Odd(source), destination + Lanes);
                source += TFormat.PairBytes;
                destination += 2 * Lanes;
            }
        }
    }

    /// <summary>
    /// Quantised weights: widened in registers for few rows, in memory for more. The weight is the same number both times, and so is the
    /// order.
    /// </summary>
    private sealed class CodeJob<TCodes> : PanelJob where TCodes : struct, ICodePanels<TLanes>
    {
        protected override bool HasSixRows => RowTile == 6;
        protected override bool HasThreeRows => false;
        internal override bool Expands(int rows) => rows > 2 * RowTile;
        protected override bool BlocksInputs => false;

        [MethodImpl(Compiled.Alone)]
        protected override void OneRow(int panel, int panels, float* sums)
        {
            ref readonly var layout = ref Weight.Layout;
            for (var p = 0; p < panels;)
            {
                var source = Weight.Panel(panel + p);
                var y = sums + p * Lanes;
                // Of 256 bits more than one panel is more than the registers hold, and than is inlined.
                var isWhole = panels - p >= RowPanels && typeof(TLanes) == typeof(Lanes512);
                if (isWhole) CodeRow1x4<TCodes>(X, source, layout.PanelBytes, layout.ParameterOffset, layout.Groups, y);
                else CodeRow1x1<TCodes>(X, source, layout.ParameterOffset, layout.Groups, y);
                p += isWhole ? RowPanels : 1;
            }
        }

        /// <summary>Tiles over all k at once: their sums stay in registers.</summary>
        protected override void Direct(int panel, int panels, int firstRow, int rows, int pair, int pairs, float* sums)
        {
            ref readonly var layout = ref Weight.Layout;
            for (var p = 0; p < panels; p += PanelTile)
            {
                var source = Weight.Panel(panel + p);
                for (var row = 0; row < rows;)
                {
                    var height = TileHeight(rows - row);
                    var x = X + (long)(firstRow + row) * layout.Inputs;
                    if (PanelTile == 1)
                        CodeTilesOf1<TCodes>(height, x, source, layout.PanelBytes, layout.ParameterOffset, layout.Groups, sums);
                    else CodeTilesOf2<TCodes>(height, x, source, p + 1 < panels ? layout.PanelBytes : 0, layout.ParameterOffset,
                        layout.Groups, sums);
                    for (var r = 0; r < height && row + r < rows; r++)
                        Finish(sums + r * PanelTile * Lanes, panel + p, PanelTile, firstRow + row + r);
                    row += height;
                }
            }
        }

        protected override void Expand(int panel, int pair, int pairs, float* destination)
        {
            var group = 2 * pair / PanelLayout.Group;
            var source = Weight.Panel(panel);
            ExpandCodes<TCodes>(source + (long)group * TCodes.CodeBytes,
                source + Weight.Layout.ParameterOffset + (long)group * TCodes.ParameterBytes,
                2 * pairs / PanelLayout.Group, destination);
        }
    }
}
