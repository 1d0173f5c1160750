using System.Runtime.CompilerServices;
using Coppice.Kernels.Assembled;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>
/// Products of BF16 weights with activations rounded to BF16, by an instruction that multiplies pairs of them (<see cref="TileKernels"/>).
/// </summary>
/// <remarks>
/// Where there is no such instruction, the tiles of F32 activations read rounded ones. A sum is one chain over k ascending both times, but
/// the instruction adds the odd k of a pair first and has no subnormal numbers: the last bits differ between the two, never between
/// numbers of rows.
/// </remarks>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    private BF16Job? _matMulRoundedBF16;
    private BF16PackJob? _packBF16;

    private void MatMul(TileKernels kernels, in Tensor x, PanelMatrix w, in Tensor bias, in Tensor y, BestLists best)
    {
        var job = _matMulRoundedBF16 ??= new BF16Job();
        var packed = ((long)x.Rows * w.Layout.Inputs * sizeof(ushort) + 63) / 64 * 64;
        var partial = w.Outputs % Lanes == 0 ? 0 : (long)x.Rows * Lanes;
        var scratch = (byte*)_scratch.Get(packed + partial * sizeof(float));
        var pack = _packBF16 ??= new BF16PackJob();
        pack.Set(kernels, x, w.Pairs, (uint*)scratch);
        _team.Run(pack, pack.Parts(Threads));
        job.Set(null, w, bias, y, best);
        job.SetRounded(kernels, (uint*)scratch, (float*)(scratch + packed));
        job.Split(Threads);
        _team.Run(job, job.Parts);
    }

    /// <summary>Rounds rows of x to BF16, a tile at a time, as [pair of k][tile rows][2].</summary>
    private sealed class BF16PackJob : TilesJob
    {
        private const int Chunk = 16;       // pairs at a time: a cache line of a row of the result
        private TileKernels _kernels = null!;
        private Tensor _x;
        private int _pairs;
        private uint* _packed;

        internal void Set(TileKernels kernels, in Tensor x, int pairs, uint* packed)
        {
            (_kernels, _x, _pairs) = (kernels, x, pairs);
            _packed = packed;
        }

        protected override int Rows => _x.Rows;
        protected override int Inputs => 2 * _pairs;
        protected override int Serial => 1 << 13;
        protected override int Height(int left) => _kernels.Height(left);

        [MethodImpl(Compiled.Alone)]
        protected override void Tile(int first, int height)
        {
            var rounded = stackalloc uint[Chunk * height];
            var destination = _packed + (long)first * _pairs;
            for (var pair = 0; pair < _pairs; pair += Chunk)
            {
                var pairs = Math.Min(Chunk, _pairs - pair);
                var inputs = Math.Min(2 * Chunk, _x.Shape.RowLength - 2 * pair);
                for (var r = 0; r < height; r++) BFloat16.Round(Row(_x, first + r) + 2 * pair, inputs, (ushort*)(rounded + r * Chunk));
                for (var p = 0; p < pairs; p++)
                    for (var r = 0; r < height; r++) *destination++ = rounded[r * Chunk + p];
            }
        }
    }

    private sealed class BF16Job : ProductJob
    {
        /// <summary>
        /// Pairs of k whose weights stay in the L2 cache while several tiles of rows use them: 8 panels of 512 are 256 KB.
        /// </summary>
        private const int Block = 512;

        private TileKernels _kernels = null!;
        private uint* _x;
        private float* _partial;

        internal void SetRounded(TileKernels kernels, uint* x, float* partial)
        {
            _kernels = kernels;
            _x = x;
            _partial = partial;
        }

        protected override void Panels(int first, int end, int worker)
        {
            var tiles = _kernels.Tiles(Rows);
            var (pairs, step) = (Weight.Pairs, tiles == 1 ? Weight.Pairs : Block);
            for (var pair = 0; pair < pairs; pair += step) Tiles(first, end, tiles, pair, Math.Min(step, pairs - pair));
            if (Bias is null && end * Lanes <= Weight.Outputs) return;
            for (var row = 0; row < Rows; row++) Finish(first, end, row);
        }

        /// <summary>
        /// All rows by some panels, over some inputs: sums go on in y, those of a panel that y does not hold whole, aside.
        /// </summary>
        private void Tiles(int first, int end, int tiles, int pair, int pairs)
        {
            var whole = Math.Min(end, Weight.Outputs / Lanes);
            var (row, panelBytes, last) = (0, Weight.PanelBytes, pair + pairs == Weight.Pairs);
            for (var t = 0; t < tiles; t++)
            {
                var height = _kernels.Height(Rows - row);
                for (int panel = first, panels; panel < end; panel += panels)
                {
                    var isWhole = panel < whole;
                    panels = !isWhole ? 1 : whole - panel >= 4 && _kernels.Has(height, 4) ? 4 : whole - panel >= 2 ? 2 : 1;
                    var tile = new BF16Tile
                    {
                        X = (ushort*)(_x + (long)row * Weight.Pairs + (long)pair * height),
                        Weights = Weight.Panel(panel) + (long)pair * PanelLayout.WordBytes,
                        PanelBytes = panelBytes,
                        Pairs = pairs,
                        Y = isWhole ? Y + (long)row * YStride + panel * Lanes : _partial + (long)row * Lanes,
                        YBytes = (isWhole ? YStride : Lanes) * sizeof(float),
                        Continues = pair,
                    };
                    if (tiles == 1) AskNear(ref tile, panels);
                    else
                    {
                        // These weights are in the cache after the first tile of rows, so all tiles ask for the next block, each for a
                        // share.
                        tile.AheadStep = (PanelLayout.WordBytes + tiles - 1) / tiles;
                        tile.Ahead = (last ? Weight.Panel(panel + end - first) : tile.Weights + (long)pairs * PanelLayout.WordBytes)
                            + t * pairs * tile.AheadStep;
                        tile.JumpAt = -1;
                    }
                    _kernels.Run(height, panels, tile);
                }
                row += height;
            }
        }

        /// <summary>All rows in one tile: weights are asked for some lines before they are needed.</summary>
        private void AskNear(ref BF16Tile tile, int panels)
        {
            var distance = panels == 4 ? PrefetchBytes : 2 * PrefetchBytes;
            tile.Ahead = tile.Weights + distance;
            tile.AheadStep = PanelLayout.WordBytes;
            tile.JumpAt = distance / PanelLayout.WordBytes;
            tile.Jump = (panels - 1) * Weight.PanelBytes;
        }

        /// <summary>Adds the bias, and takes a panel that y does not hold whole to its place.</summary>
        private void Finish(int first, int end, int row)
        {
            var y = Y + (long)row * YStride;
            var (from, to) = (first * Lanes, Math.Min(end * Lanes, Weight.Outputs));
            for (var o = Weight.Outputs / Lanes * Lanes; o < to; o++) y[o] = _partial[(long)row * Lanes + o % Lanes];
            if (Bias is null) return;
            for (var o = from; o < to; o++) y[o] += Bias[o];
        }
    }
}
