using System.Runtime.CompilerServices;
using Coppice.Kernels.Assembled;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>
/// Products of quantised weights with activations rounded to 8 bits: integer sums of a group are exact, and groups are added in F32,
/// ascending.
/// </summary>
/// <remarks>
/// Where the processor multiplies bytes in 512 bits, tiles are machine code assembled at run time (<see cref="TileKernels"/>). The tiles in
/// C# multiply bytes where sums of 16 bits have room: products of 4-bit codes with 8-bit activations fit them for a whole group (8 · 2 ·
/// 15 · 127 = 30,480). Sums of Q8 codes do not, so those are multiplied as 16-bit integers, with activations that were widened when they
/// were rounded. Both give equal bits.
/// </remarks>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    private RoundJob? _round;

    private void MatMul(IntegerJob matMul, in Tensor x, PanelMatrix w, in Tensor bias, in Tensor y, BestLists best)
    {
        var rows = x.Rows;
        matMul.Kernels = Tier == CpuTier.Assembled ? TileKernels.TryGet(TileKinds.Of(w.Format)) : null;
        var packedRows = matMul.PackedRows(rows);
        var (inputs, groups) = ((long)w.Layout.Inputs * matMul.RoundedBytes, (long)w.Layout.Groups);
        var bytes = (packedRows * inputs + packedRows * groups * 2 * sizeof(float) + 63) / 64 * 64;
        var scratch = _scratch.Get(bytes + (long)Threads * IntegerJob.AccumulatorCount * sizeof(float));
        var packed = new RoundedRows((sbyte*)scratch, (float*)((sbyte*)scratch + packedRows * inputs), packedRows * groups);
        var round = _round ??= new RoundJob();
        round.Set(x, w, packed, matMul);
        _team.Run(round, round.Parts(Threads));
        matMul.Set(null, w, bias, y, best);
        matMul.SetRounded(packed, (float*)((byte*)scratch + bytes));
        matMul.Split(Threads);
        _team.Run(matMul, matMul.Parts);
    }

    /// <summary>
    /// Activations as integers, in tiles of some rows: [group][8][rows][4] bytes, or [group][8][2][rows][2] of 16 bits, the even ones of
    /// four and then the odd ones; [group][rows] scales; [group][rows] what belongs to the sum of a group's codes.
    /// </summary>
    private readonly struct RoundedRows(sbyte* codes, float* scales, long count)
    {
        internal readonly sbyte* Codes = codes;
        internal readonly float* Scales = scales;
        /// <summary>
        /// Scale · Σ codes for Q4, whose minimum is multiplied with it; the integer -128 · Σ codes for Q8, whose codes are stored 128
        /// larger.
        /// </summary>
        internal readonly float* Sums = scales + count;
    }

    /// <summary>Rounds rows of x to bytes, group by group, into the tiles that the product will read.</summary>
    private sealed class RoundJob : TilesJob
    {
        private Tensor _x;
        private PanelLayout _layout;
        private RoundedRows _packed;
        private IntegerJob _product = null!;
        private bool _offset;

        internal void Set(in Tensor x, PanelMatrix w, RoundedRows packed, IntegerJob product) =>
            (_x, _layout, _packed, _product, _offset) = (x, w.Layout, packed, product, w.Format == MatrixFormat.Q8);

        protected override int Rows => _x.Rows;
        protected override int Inputs => _layout.Inputs;
        protected override int Serial => 1 << 12;
        protected override int Height(int left) => _product.TileHeight(left, _x.Rows);

        protected override void Tile(int first, int height)
        {
            for (var r = 0; r < height; r++) Round(first, r, height, first + r < _x.Rows ? Row(_x, first + r) : null);
        }

        /// <summary>Row <paramref name="r"/> of the tile that begins with <paramref name="first"/>; zeros where there is no row.</summary>
        [MethodImpl(Compiled.Alone)]
        private void Round(int first, int r, int height, float* x)
        {
            var wide = _product.RoundedBytes == 2;
            var codes = (int*)(_packed.Codes + (long)first * _layout.Inputs * _product.RoundedBytes) + r;
            float* scales = _packed.Scales + (long)first * _layout.Groups + r, sums = _packed.Sums + (long)first * _layout.Groups + r;
            var inputs = x is null ? 0 : _x.Shape.RowLength;
            var bytes = stackalloc sbyte[PanelLayout.Group];
            for (var g = 0; g < _layout.Groups; g++)
            {
                var left = inputs - g * PanelLayout.Group;
                TLanes a = TLanes.Zero, b = TLanes.Zero;
                if (left >= 2 * Lanes) (a, b) = (TLanes.Load(x), TLanes.Load(x + Lanes));
                else if (left > 0) (a, b) = (LoadUpTo(x, left, 0f), left > Lanes ? LoadUpTo(x + Lanes, left - Lanes, 0f) : TLanes.Zero);
                x += PanelLayout.Group;
                var largest = TLanes.Largest(TLanes.Max(TLanes.Max(a, TLanes.Subtract(TLanes.Zero, a)),
                    TLanes.Max(b, TLanes.Subtract(TLanes.Zero, b))));
                var inverse = TLanes.Broadcast(largest > 0f ? 127f / largest : 0f);
                TLanes qa = TLanes.Round(TLanes.Multiply(a, inverse)), qb = TLanes.Round(TLanes.Multiply(b, inverse));
                TLanes.StoreBytes(qa, bytes);
                TLanes.StoreBytes(qb, bytes + Lanes);
                if (wide)
                    for (var four = bytes; four < bytes + PanelLayout.Group; four += 4, codes += 2 * height)
                        (codes[0], codes[height]) = (Pair(four[0], four[2]), Pair(four[1], four[3]));
                else
                    for (var four = (int*)bytes; four < bytes + PanelLayout.Group; four++, codes += height) *codes = *four;
                // x - x is 0, and NaN where x is infinite or NaN: then so is the scale, and the result.
                var scale = largest / 127f + TLanes.Sum(TLanes.Add(TLanes.Subtract(a, a), TLanes.Subtract(b, b)));
                var sum = TLanes.Sum(TLanes.Add(qa, qb));
                (*scales, *sums) = (scale, _offset ? BitConverter.Int32BitsToSingle(-128 * (int)sum) : scale * sum);
                scales += height;
                sums += height;
            }
        }

        /// <summary>Two bytes as 16-bit integers.</summary>
        private static int Pair(sbyte lower, sbyte upper) => (ushort)(short)lower | upper << 16;
    }

    private abstract class IntegerJob : ProductJob
    {
        /// <summary>Sums of the largest tile.</summary>
        internal const int AccumulatorCount = 8 * 4 * Lanes;

        protected RoundedRows Rounded { get; private set; }
        private float* _accumulators;

        internal void SetRounded(RoundedRows rounded, float* accumulators)
        {
            Rounded = rounded;
            _accumulators = accumulators;
        }

        /// <summary>The assembled tiles; null where those in C# are used.</summary>
        internal TileKernels? Kernels { get; set; }

        /// <summary>Rows of the next tile where <paramref name="left"/> are left of <paramref name="rows"/>.</summary>
        internal int TileHeight(int left, int rows) =>
            Kernels is not null ? Kernels.Height(left)
            : rows == 1 ? 1 : left <= 2 ? 2 : left <= 4 ? 4 : LargestTile;

        /// <summary>Bytes of a rounded activation: as many as the tiles read that are used.</summary>
        internal int RoundedBytes => Kernels is null ? TileBytes : 1;

        /// <summary>Bytes of a rounded activation that the tiles in C# read.</summary>
        protected abstract int TileBytes { get; }

        /// <summary>Rows with the last tile's padding; blocks of 96 are whole tiles.</summary>
        internal int PackedRows(int rows)
        {
            var packed = 0;
            while (packed < rows) packed += TileHeight(rows - packed, rows);
            return packed;
        }

        /// <summary>Rows of a full tile.</summary>
        private static int LargestTile => typeof(TLanes) == typeof(Lanes512) ? 8 : 4;
        /// <summary>Panels of a tile of more than one row.</summary>
        protected abstract int TilePanels { get; }

        /// <summary>Adds a tile's products to <paramref name="sums"/> [height][panels · 16], which begin as zeros.</summary>
        protected abstract void Tile(int height, int panels, sbyte* x, float* scales, float* sums, byte* w, float* c);

        protected override void Panels(int first, int end, int worker)
        {
            var c = _accumulators + (long)worker * AccumulatorCount;
            if (Kernels is { } kernels) AssembledTiles(kernels, first, end, c);
            else Tiles(first, end, c);
        }

        [MethodImpl(Compiled.Alone)]
        private void Tiles(int first, int end, float* c)
        {
            ref readonly var layout = ref Weight.Layout;
            var step = Rows == 1 ? RowPanels : TilePanels;
            for (var panel = first; panel < end;)
            {
                var panels = end - panel >= step ? step : 1;
                for (var row = 0; row < Rows;)
                {
                    var height = TileHeight(Rows - row, Rows);
                    new Span<float>(c, height * panels * Lanes).Clear();
                    Tile(height, panels, Rounded.Codes + (long)row * layout.Inputs * TileBytes, Rounded.Scales + (long)row * layout.Groups,
                        Rounded.Sums + (long)row * layout.Groups,
                        Weight.Panel(panel), c);
                    for (var r = 0; r < height && row + r < Rows; r++) Finish(c + r * panels * Lanes, panel, panels, row + r);
                    row += height;
                }
                panel += panels;
            }
        }

        /// <summary>Few rows go by more panels, which ask for more lines of weights at a time.</summary>
        private void AssembledTiles(TileKernels kernels, int first, int end, float* c)
        {
            ref readonly var layout = ref Weight.Layout;
            var tiles = kernels.Tiles(Rows);
            for (var panel = first; panel < end;)
            {
                var panels = end - panel >= 4 && kernels.Has(Rows, 4) ? 4 : end - panel >= 2 ? 2 : 1;
                var isWhole = Bias is null && (panel + panels) * Lanes <= Weight.Outputs;
                var tile = new Int8Tile
                {
                    Weights = Weight.Panel(panel),
                    Parameters = Weight.Panel(panel) + layout.ParameterOffset,
                    PanelBytes = layout.PanelBytes,
                    Groups = layout.Groups,
                    YBytes = (isWhole ? YStride : panels * Lanes) * sizeof(float),
                };
                if (tiles == 1) AskNear(ref tile, panels);
                else AskForNext(ref tile, panels, tiles);
                for (var row = 0; row < Rows;)
                {
                    var height = TileHeight(Rows - row, Rows);
                    tile.X = Rounded.Codes + (long)row * layout.Inputs;
                    tile.Scales = Rounded.Scales + (long)row * layout.Groups;
                    tile.Sums = Rounded.Sums + (long)row * layout.Groups;
                    tile.Y = isWhole ? Y + (long)row * YStride + panel * Lanes : c;
                    kernels.Run(height, panels, tile);
                    if (!isWhole)
                        for (var r = 0; r < height; r++) Finish(c + r * panels * Lanes, panel, panels, row + r);
                    if (tiles > 1) tile.Ahead += layout.Groups * tile.AheadStep;
                    row += height;
                }
                panel += panels;
            }
        }

        /// <summary>All rows in one tile: weights are asked for some lines before they are needed.</summary>
        private void AskNear(ref Int8Tile tile, int panels)
        {
            ref readonly var layout = ref Weight.Layout;
            var distance = panels == 2 ? 2 * PrefetchBytes : PrefetchBytes;
            tile.Ahead = tile.Weights + distance;
            tile.AheadStep = layout.CodeBytes;
            tile.JumpAt = distance / layout.CodeBytes;
            tile.Jump = panels * layout.PanelBytes - (long)layout.Groups * layout.CodeBytes;
        }

        /// <summary>
        /// Several tiles of rows: these panels are in the cache after the first, so all of them ask for the next panels, each for its
        /// share. Memory is read all the time, not only while the first tile runs.
        /// </summary>
        private void AskForNext(ref Int8Tile tile, int panels, int tiles)
        {
            ref readonly var layout = ref Weight.Layout;
            var lines = layout.PanelBytes / PanelLayout.WordBytes;
            tile.Ahead = tile.Weights + panels * layout.PanelBytes;
            tile.AheadStep = (lines + tiles * layout.Groups - 1) / (tiles * layout.Groups) * PanelLayout.WordBytes;
            tile.JumpAt = -1;
        }
    }

    private sealed class NibblesJob : IntegerJob
    {
        protected override int TileBytes => 1;
        protected override int TilePanels => typeof(TLanes) == typeof(Lanes512) ? 2 : 1;

        protected override void Tile(int height, int panels, sbyte* x, float* scales, float* sums, byte* w, float* c)
        {
            ref readonly var layout = ref Weight.Layout;
            var (bytes, parameters, groups) = (layout.PanelBytes, layout.ParameterOffset, layout.Groups);
            if (panels == 2) NibblesOf2(height, x, scales, sums, w, bytes, parameters, groups, c);
            else if (panels == 4) NibblesOf4(height, x, scales, sums, w, bytes, parameters, groups, c);
            else NibblesOf1(height, x, scales, sums, w, bytes, parameters, groups, c);
        }
    }

    private sealed class BytesJob : IntegerJob
    {
        protected override int TileBytes => 2;
        protected override int TilePanels => 1;

        protected override void Tile(int height, int panels, sbyte* x, float* scales, float* sums, byte* w, float* c)
        {
            ref readonly var layout = ref Weight.Layout;
            var (bytes, parameters, groups) = (layout.PanelBytes, layout.ParameterOffset, layout.Groups);
            if (panels == 4) BytesOf4(height, x, scales, sums, w, bytes, parameters, groups, c);
            else BytesOf1(height, x, scales, sums, w, bytes, parameters, groups, c);
        }
    }
}
