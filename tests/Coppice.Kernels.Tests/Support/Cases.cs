namespace Coppice.Kernels.Tests.Support;

/// <summary>One case of a suite; tests and benches use the same.</summary>
public interface ICase
{
    /// <summary>Work in multiply-adds, for devices that cannot do large cases in a test.</summary>
    long Cost { get; }
}

/// <summary>x [Tokens, Inputs] times W [Outputs, Inputs] of a format.</summary>
public sealed record MatMulCase(
    int Tokens, int Inputs, int Outputs, MatrixFormat Format, bool Bias, ActivationFormat Activations = ActivationFormat.F32) : ICase
{
    public long Cost => (long)Tokens * Inputs * Outputs;
}

/// <summary>[Tokens, Heads, Width], or [Tokens, Width] where Heads is 0; x spreads around Center.</summary>
public sealed record RowsCase(int Tokens, int Heads, int Width, bool InPlace = false, float Center = 0, float Size = 1) : ICase
{
    public long Cost => (long)Tokens * Math.Max(Heads, 1) * Width;
    public Shape Shape => Heads == 0 ? new Shape(Tokens, Width) : new Shape(Tokens, Heads, Width);
}

/// <summary>RoPE of [Tokens, Heads, HeadDim] over the first RotaryDim elements.</summary>
public sealed record RopeCase(int Tokens, int Heads, int HeadDim, int RotaryDim, RopePairing Pairing) : ICase
{
    public long Cost => (long)Tokens * Heads * HeadDim;
}

/// <summary>The K largest of rows of Width, drawn from few values where there are to be ties.</summary>
public sealed record TopKCase(int Rows, int Width, int K, bool Ties, bool Specials) : ICase
{
    public long Cost => (long)Rows * Width * K;
}

/// <summary>A product and the K largest of its rows.</summary>
public sealed record MatMulTopKCase(MatMulCase Product, int K) : ICase
{
    public long Cost => Product.Cost;
}

/// <summary>Who sees whom in an attention case.</summary>
public enum MaskKind
{
    /// <summary>Consecutive positions.</summary>
    Causal,
    /// <summary>A token tree of some random form.</summary>
    Tree,
    /// <summary>Consecutive positions that see each other in both directions.</summary>
    Full,
}

/// <summary>Tokens queries after Start committed positions.</summary>
public sealed record AttentionCase(
    int Start, int Tokens, int QueryHeads, int KvHeads, int HeadDim, ElementType Type, bool Paged, MaskKind Mask,
    int Window = 0, float SoftCap = 0, float QuerySize = 1) : ICase
{
    public long Cost => (long)(Start + Tokens) * Tokens * QueryHeads * HeadDim * 2;
    /// <summary>Pages that hold all slots.</summary>
    public int Pages => KvLayout.Pages(Start + Tokens);
}

/// <summary>Tokens rows stored from Start on.</summary>
public sealed record KvCase(int Start, int Tokens, int KvHeads, int HeadDim, ElementType Type, bool Paged) : ICase
{
    public long Cost => (long)Tokens * KvHeads * HeadDim;
    /// <summary>Pages of the cache, with one to spare.</summary>
    public int Pages => KvLayout.Pages(Start + Tokens) + 1;
}

/// <summary>Case data of all suites, the awkward ones included.</summary>
public static class Cases
{
    private static readonly ElementType[] Reals = [ElementType.F32, ElementType.F16, ElementType.BF16];
    private static readonly MatrixFormat[] Formats = [MatrixFormat.F32, MatrixFormat.F16, MatrixFormat.BF16];

    /// <summary>Widths around every vector length and its multiples.</summary>
    public static IReadOnlyList<int> Widths { get; } = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 80, 127, 128, 129,
        255, 256, 257];

    /// <summary>Few and many rows against widths around every tile edge, in every format.</summary>
    public static IEnumerable<MatMulCase> MatMul { get; } =
    [
        .. from shape in Turns<(int K, int N)>((1, 1), (2, 3), (3, 2), (7, 31), (16, 16), (17, 33), (24, 80), (31, 65), (64, 64),
            (65, 129), (129, 17), (80, 96), (128, 257), (257, 127))
           from tokens in new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 33 }
           select new MatMulCase(tokens, shape.Item.K, shape.Item.N, Formats[(shape.Turn + tokens) % 3], (shape.Turn + tokens) % 2 == 0),
    ];

    /// <summary>Every number of inputs and of outputs from 1 to 257.</summary>
    public static IEnumerable<MatMulCase> MatMulSweep { get; } =
    [
        .. Enumerable.Range(1, 257).Select(k => new MatMulCase(1 + k % 4, k, 33, Formats[k % 3], false)),
        .. Enumerable.Range(1, 257).Select(n => new MatMulCase(1 + n % 9, 18, n, Formats[n % 3], true)),
    ];

    /// <summary>Sizes of real layers, few rows: panels, blocks over k, more than one thread.</summary>
    public static IEnumerable<MatMulCase> MatMulLarge { get; } =
    [
        new(1, 576, 1536, MatrixFormat.BF16, false), new(1, 1536, 576, MatrixFormat.F16, false), new(13, 576, 960, MatrixFormat.BF16, true),
        new(40, 1536, 576, MatrixFormat.F32, false), new(3, 2048, 515, MatrixFormat.BF16, false),
            new(70, 300, 1000, MatrixFormat.F16, true),
    ];

    /// <summary>
    /// Quantised weights with both kinds of activations: every tile height, groups that are not whole, panels that are not whole, sizes of
    /// layers.
    /// </summary>
    public static IEnumerable<MatMulCase> MatMulQuantized { get; } =
    [
        .. from kind in new[] { (MatrixFormat.Q8, ActivationFormat.F32), (MatrixFormat.Q4, ActivationFormat.F32),
            (MatrixFormat.Q8, ActivationFormat.Int8), (MatrixFormat.Q4, ActivationFormat.Int8) }
           from shape in Turns<(int K, int N)>((1, 1), (7, 31), (32, 16), (33, 17), (64, 64), (96, 80), (100, 130), (257, 127), (288, 65))
           from tokens in new[] { 1, 2, 3, 4, 5, 8, 9, 16, 17, 33 }
           select new MatMulCase(tokens, shape.Item.K, shape.Item.N, kind.Item1, (shape.Turn + tokens) % 2 == 0, kind.Item2),
        new(1, 576, 1536, MatrixFormat.Q4, false), new(1, 1536, 576, MatrixFormat.Q8, true), new(13, 576, 960, MatrixFormat.Q8, false),
        new(1, 576, 1536, MatrixFormat.Q4, false, ActivationFormat.Int8), new(1, 1536, 576, MatrixFormat.Q8, true, ActivationFormat.Int8),
        new(100, 576, 320, MatrixFormat.Q4, false, ActivationFormat.Int8),
            new(101, 800, 48, MatrixFormat.Q8, false, ActivationFormat.Int8), new(100, 800, 160, MatrixFormat.Q4, false),
    ];

    /// <summary>
    /// BF16 weights and activations: every tile height and what is left over, odd inputs, several blocks of inputs, panels that are not
    /// whole.
    /// </summary>
    public static IEnumerable<MatMulCase> MatMulBF16 { get; } =
    [
        .. from shape in Turns<(int K, int N)>((1, 1), (7, 31), (32, 16), (33, 17), (64, 64), (96, 80), (257, 127), (576, 65))
           from tokens in Enumerable.Range(1, 14).Append(24).Append(37)
           select new MatMulCase(tokens, shape.Item.K, shape.Item.N, MatrixFormat.BF16, (shape.Turn + tokens) % 2 == 0,
               ActivationFormat.BF16),
        .. from tokens in new[] { 1, 5, 12, 13, 30 } from outputs in new[] { 16, 130, 272 }
           select new MatMulCase(tokens, 2051, outputs, MatrixFormat.BF16, outputs == 130, ActivationFormat.BF16),
    ];

    /// <summary>Rows of every width, alone and together, in place and not.</summary>
    public static IEnumerable<RowsCase> Rows { get; } =
    [
        .. from width in Turns([.. Widths]) from tokens in new[] { 1, 3 } select new RowsCase(tokens, 0, width.Item,
            (width.Turn + tokens) % 2 == 0),
        new(17, 0, 576), new(64, 0, 96, true),
    ];

    /// <summary>Every width from 1 to 257: tails of every length.</summary>
    public static IEnumerable<RowsCase> RowsSweep { get; } = [.. Enumerable.Range(1,
        257).Select(width => new RowsCase(1 + width % 3, 0, width, width % 2 == 0))];

    /// <summary>Rows and heads to normalise; small values, where ε counts, and values far from zero, where the mean does.</summary>
    public static IEnumerable<RowsCase> Norms { get; } =
    [
        .. Rows, .. RowsSweep,
        new(1, 1, 64), new(3, 4, 24), new(2, 9, 18, true), new(5, 2, 80), new(2, 3, 128, true),
        new(2, 0, 65, Size: 1e-3f), new(2, 0, 65, Size: 100f), new(3, 0, 96, Center: 10), new(2, 2, 33, Center: -3),
    ];

    /// <summary>Whole and partial rotation of heads that do not fill a vector.</summary>
    public static IEnumerable<RopeCase> Rope { get; } =
    [
        .. from pairing in new[] { RopePairing.Half, RopePairing.Interleaved }
           from shape in new[] { (1, 1, 2, 2), (1, 1, 18, 18), (3, 2, 24, 24), (2, 3, 64, 64), (5, 1, 80, 32), (4, 4, 128, 128),
               (2, 2, 24, 6), (7, 3, 66, 66), (1, 8, 96, 10), (33, 2, 16, 16) }
           select new RopeCase(shape.Item1, shape.Item2, shape.Item3, shape.Item4, pairing),
    ];

    /// <summary>Arg-max and more, with ties, NaN and infinities, over odd vocabularies.</summary>
    public static IEnumerable<TopKCase> TopK { get; } =
    [
        .. from width in new[] { 1, 2, 7, 16, 17, 33, 64, 129, 257, 1009 }
           from k in new[] { 1, 2, 5, 40, width }.Distinct()
           where k <= width
           from kind in new[] { (false, false), (true, false), (true, true) }
           select new TopKCase(1 + width % 3, width, k, kind.Item1, kind.Item2),
        new(2, 49157, 1, false, false), new(1, 49157, 40, true, true),
    ];

    /// <summary>
    /// Every kind of weights, few and many rows, outputs of part of a panel to many panels for each thread, lists that are shorter and
    /// longer than a panel.
    /// </summary>
    public static IEnumerable<MatMulTopKCase> MatMulTopK { get; } =
    [
        .. from kind in Turns((MatrixFormat.F32, ActivationFormat.F32), (MatrixFormat.F16, ActivationFormat.F32),
            (MatrixFormat.BF16, ActivationFormat.F32),
               (MatrixFormat.Q8, ActivationFormat.F32), (MatrixFormat.Q4, ActivationFormat.F32), (MatrixFormat.Q8, ActivationFormat.Int8),
                   (MatrixFormat.Q4, ActivationFormat.Int8))
           from outputs in Turns(1, 33, 300)
           from k in new[] { 1, 5, 40 }
           where k <= outputs.Item
           from tokens in new[] { 1, 2, 8, 17 }
           select new MatMulTopKCase(new(tokens, 12, outputs.Item, kind.Item.Item1, (kind.Turn + outputs.Turn + tokens) % 2 == 0,
               kind.Item.Item2), k),
        new(new(2, 7, 65, MatrixFormat.BF16, true), 65), new(new(100, 12, 300, MatrixFormat.F16, false), 3),
            new(new(3, 12, 1000, MatrixFormat.BF16, true), 16),
    ];

    /// <summary>Lengths at page edges, every sharing of KV heads, heads that do not fill a vector, every type, mask and cache.</summary>
    public static IEnumerable<AttentionCase> Attention { get; } =
    [
        .. from length in Turns(0, 1, 5, 62, 63, 64, 65, 126, 127, 128, 129, 200)
           from heads in Turns<(int Query, int Kv, int Dim)>((1, 1, 8), (4, 1, 24), (3, 3, 18), (6, 2, 64), (2, 1, 80))
           from tokens in Turns(1, 2, 9)
           let turn = length.Turn + heads.Turn + tokens.Turn
           select new AttentionCase(length.Item, tokens.Item, heads.Item.Query, heads.Item.Kv, heads.Item.Dim, Reals[turn % 3],
               turn % 2 == 1,
               tokens.Item > 1 && (heads.Turn + length.Turn) % 2 == 0 ? MaskKind.Tree : MaskKind.Causal,
               Window: (turn % 5) switch { 3 => 7, 4 => 70, _ => 0 }, SoftCap: turn % 4 == 3 ? 30 : 0),
        .. from length in new[] { 64, 129 } from type in Reals from paged in new[] { false, true } from mask in new[] { MaskKind.Causal,
            MaskKind.Tree }
           select new AttentionCase(length, 7, 4, 2, 32, type, paged, mask),
        new(0, 130, 2, 1, 16, ElementType.F32, false, MaskKind.Causal),
            new(60, 70, 2, 2, 24, ElementType.BF16, true, MaskKind.Causal, Window: 33),
        new(70, 64, 3, 1, 64, ElementType.F16, true, MaskKind.Tree),
            new(100, 3, 2, 1, 128, ElementType.F16, false, MaskKind.Causal, QuerySize: 30),
        new(1, 2, 1, 1, 4, ElementType.F32, false, MaskKind.Causal, Window: 1),
            new(127, 3, 8, 8, 96, ElementType.BF16, false, MaskKind.Tree, Window: 64, SoftCap: 50),
        .. from tokens in Turns(1, 2, 5, 63, 64, 65, 130)
           from heads in Turns<(int Query, int Kv, int Dim)>((12, 12, 32), (3, 3, 18), (4, 1, 24), (2, 2, 64))
           let turn = tokens.Turn + heads.Turn
           select new AttentionCase(turn % 3 == 2 ? 7 : 0, tokens.Item, heads.Item.Query, heads.Item.Kv, heads.Item.Dim, Reals[turn % 3],
               turn % 2 == 1, MaskKind.Full, SoftCap: turn % 4 == 3 ? 30 : 0),
    ];

    /// <summary>Rows stored across page edges.</summary>
    public static IEnumerable<KvCase> Kv { get; } =
    [
        .. from start in Turns(0, 1, 61, 63, 64, 65, 127)
           from tokens in Turns(1, 2, 5, 66)
           from heads in Turns((1, 8), (2, 18), (3, 24), (1, 80), (4, 64))
           let turn = start.Turn + tokens.Turn + heads.Turn
           select new KvCase(start.Item, tokens.Item, heads.Item.Item1, heads.Item.Item2, Reals[turn % 3], turn % 2 == 1),
    ];

    private static IEnumerable<(T Item, int Turn)> Turns<T>(params T[] items) => items.Select((item, turn) => (item, turn));
}
