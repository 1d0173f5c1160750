using Coppice.Kernels.Memory;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Reference;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>
/// What ops say about wrong operands: "op: what must hold, what was found". The checks are in the contract, so one back end stands for all.
/// </summary>
public sealed class ErrorTests : IDisposable
{
    private readonly ReferenceBackend _here = new();
    private readonly SimdBackend _there = SimdBackend.Create(1, CpuTier.Portable);
    private readonly MemoryPool _pool, _otherPool;

    public ErrorTests()
    {
        _pool = _here.CreatePool("test", 1 << 20);
        _otherPool = _there.CreatePool("other", 1 << 20);
    }

    public void Dispose()
    {
        _pool.Dispose();
        _otherPool.Dispose();
        _there.Dispose();
        _here.Dispose();
    }

    private Tensor F(params int[] shape) => T(ElementType.F32, shape);
    private Tensor I(params int[] shape) => T(ElementType.I32, shape);
    private Tensor T(ElementType type, params int[] shape) => _pool.Rent(Of(shape), type);
    private Tensor Foreign(params int[] shape) => _otherPool.Rent(Of(shape));
    private WeightMatrix W(int outputs, int inputs) => _here.CreateWeight(_pool, outputs, inputs, MatrixFormat.F32);
    private DenseKv Kv(int pages = 1, int heads = 2, int headDim = 8) =>
        new(T(ElementType.F16, pages, heads, headDim, 64), T(ElementType.F16, pages, heads, 64, headDim));

    private static Shape Of(int[] d) =>
        d.Length switch { 1 => new(d[0]), 2 => new(d[0], d[1]), 3 => new(d[0], d[1], d[2]), _ => new(d[0], d[1], d[2], d[3]) };

    private static void Says(string expected, Action call)
    {
        var error = Assert.ThrowsAny<ArgumentException>(call);
        Assert.Equal(expected, error.ParamName is null ? error.Message
            : error.Message.Replace($" (Parameter '{error.ParamName}')", "", StringComparison.Ordinal));
    }

    [Fact]
    public void Wrong_shapes_name_both_shapes()
    {
        Says("matmul: x must be [2, 4], got [2, 5].", () => _here.MatMul(F(2, 5), W(3, 4), default, F(2, 3)));
        Says("matmul: y must be [2, 3], got [2, 4].", () => _here.MatMul(F(2, 4), W(3, 4), default, F(2, 4)));
        Says("matmul: bias must be [3], got [1, 3].", () => _here.MatMul(F(2, 4), W(3, 4), F(1, 3), F(2, 3)));
        Says("embed: y must be [2, 4], got [3, 4].", () => _here.Embed(I(2), W(9, 4), 1, F(3, 4)));
        Says("embed_mixture: weights must be [2, 3], got [2, 4].", () => _here.EmbedMixture(I(2, 3), F(2, 4), I(2), W(9, 4), 1, F(5, 4)));
        Says("embed_mixture: rows must be [2], got [3].", () => _here.EmbedMixture(I(2, 3), F(2, 3), I(3), W(9, 4), 1, F(5, 4)));
        Says("embed_mixture: y must be [5, 4], got [5, 3].", () => _here.EmbedMixture(I(2, 3), F(2, 3), I(2), W(9, 4), 1, F(5, 3)));
        Says("rms_norm: weight must be [4], got [3].", () => _here.RmsNorm(F(2, 4), F(3), 0, F(2, 4)));
        Says("add_rms_norm: delta must be [2, 4], got [4, 2].", () => _here.AddRmsNorm(F(2, 4), F(4, 2), 1, F(4), 0, F(2, 4)));
        Says("layer_norm: bias must be [4], got [5].", () => _here.LayerNorm(F(2, 4), F(4), F(5), 0, F(2, 4)));
        Says("add: delta must be [2, 4], got [2, 3].", () => _here.Add(F(2, 4), F(2, 3), 1, F(2, 4)));
        Says("add_rows: scales must be [2], got [3].", () => _here.AddRows(F(2, 4), I(2), F(3), F(5, 4)));
        Says("copy_rows: y must be [3, 4], got [2, 4].", () => _here.CopyRows(F(2, 4), I(3), F(2, 4)));
        Says("gated_activation: up must be [2, 4], got [2, 8].", () => _here.GatedActivation(F(2, 4), F(2, 8), Activation.Silu, F(2, 4)));
        Says("map: y must be [2, 4], got [2, 5].", () => _here.Map(F(2, 4), Activation.Relu, F(2, 5)));
        Says("soft_cap: y must be [2, 4], got [4].", () => _here.SoftCap(F(2, 4), 1, 1, F(4)));
        Says("softmax: x must be [2, 4], got [2, 2, 4].", () => _here.Softmax(F(2, 2, 4), F(2, 2, 4)));
        Says("top_k: indices must be [2, 3], got [2, 2].", () => _here.TopK(F(2, 9), F(2, 3), I(2, 2)));
        Says("matmul_top_k: y must be [2, 3], got [2, 4].", () => _here.MatMulTopK(F(2, 4), W(3, 4), default, F(2, 4), F(2, 1), I(2, 1)));
        Says("matmul_top_k: values must be [2, 1], got [1, 1].",
            () => _here.MatMulTopK(F(2, 4), W(3, 4), default, F(2, 3), F(1, 1), I(1, 1)));
        Says("rope: x must be [tokens, heads, headDim], got [2, 8].", () => _here.Rope(F(2, 8), I(2), F(9, 4), F(9, 4), RopePairing.Half));
        Says("rope: sines must be [9, 4], got [9, 3].", () => _here.Rope(F(2, 1, 8), I(2), F(9, 4), F(9, 3), RopePairing.Half));
        Says("kv_append: k must be [1, 2, 8], got [1, 1, 8].", () => _here.KvAppend(Kv(), F(1, 1, 8), F(1, 1, 8), 0));
        Says("kv_append: v must be [1, 2, 8], got [2, 2, 8].", () => _here.KvAppend(Kv(), F(1, 2, 8), F(2, 2, 8), 0));
        Says("attention: q must be [tokens, a multiple of 2, 8], got [1, 3, 8].",
            () => _here.Attention(F(1, 3, 8), Kv(), AttentionMask.Causal(0), 1, 0, F(1, 3, 8)));
        Says("attention: Depths must be [2], got [3].",
            () => _here.Attention(F(2, 2, 8), Kv(), AttentionMask.Tree(0, I(2, 2), I(3), 1), 1, 0, F(2, 2, 8)));
        Says("attention: Paths must be [2, ...], got [3, 2].",
            () => _here.Attention(F(2, 2, 8), Kv(), AttentionMask.Tree(0, I(3, 2), I(2), 1), 1, 0, F(2, 2, 8)));
    }

    [Fact]
    public void Values_out_of_range_name_the_range()
    {
        Says("rope: the tables turn 10 elements but a head has 8.", () => _here.Rope(F(2, 1, 8), I(2), F(9, 5), F(9, 5), RopePairing.Half));
        Says("soft_cap: cap must not be negative, got -1.", () => _here.SoftCap(F(2, 4), 1, -1, F(2, 4)));
        Says("top_k: k must be 1..9, got 10.", () => _here.TopK(F(2, 9), F(2, 10), I(2, 10)));
        Says("matmul_top_k: k must be 1..3, got 4.", () => _here.MatMulTopK(F(2, 4), W(3, 4), default, F(2, 3), F(2, 4), I(2, 4)));
        Says("kv_append: slots 63..65 must be within the capacity of 64.", () => _here.KvAppend(Kv(), F(2, 2, 8), F(2, 2, 8), 63));
        Says("kv_append: slots -1..1 must be within the capacity of 64.", () => _here.KvAppend(Kv(), F(2, 2, 8), F(2, 2, 8), -1));
        Says("kv_move: sources must ascend within 4..63, got 4 at 1.", () => _here.KvMove(Kv(), [5, 4], 3));
        Says("kv_move: sources must ascend within 3..63, got 64 at 0.", () => _here.KvMove(Kv(), [64], 3));
        Says("kv_move: the first destination must not be negative, got -1.", () => _here.KvMove(Kv(), [1], -1));
        Says("attention: slots 63..65 must be within the capacity of 64.",
            () => _here.Attention(F(2, 2, 8), Kv(), AttentionMask.Causal(63), 1, 0, F(2, 2, 8)));
        Says("attention: Paths must be [2, at least 3] for rows as deep as 2, got [2, 2].",
            () => _here.Attention(F(2, 2, 8), Kv(), AttentionMask.Tree(0, I(2, 2), I(2), deepest: 2), 1, 0, F(2, 2, 8)));
        Says("attention: softCap must not be negative, got -2.",
            () => _here.Attention(F(2, 2, 8), Kv(), AttentionMask.Causal(0), 1, -2, F(2, 2, 8)));
        Assert.Throws<ArgumentOutOfRangeException>(() => AttentionMask.Causal(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => AttentionMask.Full(-1));
        Assert.Throws<ArgumentException>(() => AttentionMask.Full(0).WithWindow(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => AttentionMask.Causal(0, window: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => AttentionMask.Tree(0, I(2, 2), I(2), deepest: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _here.Map(F(2, 4), (Activation)99, F(2, 4)));
    }

    [Fact]
    public void Wrong_types_name_both_types()
    {
        Says("matmul: x must be F32, got F16.", () => _here.MatMul(T(ElementType.F16, 2, 4), W(3, 4), default, F(2, 3)));
        Says("embed: ids must be I32, got F32.", () => _here.Embed(F(2), W(9, 4), 1, F(2, 4)));
        Says("top_k: indices must be I32, got F32.", () => _here.TopK(F(2, 9), F(2, 3), F(2, 3)));
        Says("kv_append: keys must be F32, F16 or BF16, got I32.",
            () => _here.KvAppend(new DenseKv(I(1, 2, 8, 64), I(1, 2, 64, 8)), F(1, 2, 8), F(1, 2, 8), 0));
        Says("kv_append: values must be F16, got BF16.",
            () => _here.KvAppend(new DenseKv(Kv().Keys, T(ElementType.BF16, 1, 2, 64, 8)), F(1, 2, 8), F(1, 2, 8), 0));
        Says("softmax: x must be F32, got nothing.", () => _here.Softmax(default, F(2, 4)));
        Says("kv_move: PageTable must be I32, got F32.", () => _here.KvMove(new PagedKv(Kv().Keys, Kv().Values, F(1)), [1], 0));
    }

    [Fact]
    public void Operands_of_another_device_name_both_devices()
    {
        Says("add: x must be on reference, got cpu portable, 1 thread; copy it there first.",
            () => _here.Add(Foreign(2, 4), F(2, 4), 1, F(2, 4)));
        Says("softmax: y must be on reference, got cpu portable, 1 thread; copy it there first.",
            () => _here.Softmax(F(2, 4), Foreign(2, 4)));
        using var weight = _there.CreateWeight(_otherPool, 3, 4, MatrixFormat.F32);
        Says("matmul: weight must be on reference, got cpu portable, 1 thread; load it there first.",
            () => _here.MatMul(F(2, 4), weight, default, F(2, 3)));
        Says("attention: keys must be on cpu portable, 1 thread, got reference; copy it there first.",
            () => _there.Attention(Foreign(1, 2, 8), Kv(), AttentionMask.Causal(0), 1, 0, Foreign(1, 2, 8)));
        Says("kv_move: keys must be on cpu portable, 1 thread, got reference; copy it there first.", () => _there.KvMove(Kv(), [1], 0));
        Says("kv_move: values must be on reference, got cpu portable, 1 thread; copy it there first.",
            () => _here.KvMove(new DenseKv(F(1, 2, 8, 64), Foreign(1, 2, 64, 8)), [1], 0));
        Says("kv_move: PageTable must be on reference, got cpu portable, 1 thread; copy it there first.",
            () => _here.KvMove(new PagedKv(Kv().Keys, Kv().Values, _otherPool.Rent(new Shape(1), ElementType.I32)), [1], 0));
    }

    [Fact]
    public void A_missing_matrix_is_named()
    {
        Says("matmul: weight must not be null.", () => _here.MatMul(F(2, 4), null!, default, F(2, 3)));
        Says("embed: table must not be null.", () => _here.Embed(I(2), null!, 1, F(2, 4)));
        Assert.Throws<ArgumentNullException>("weight", () => _here.MatMul(F(2, 4), null!, default, F(2, 3)));
    }

    [Fact]
    public void Layouts_of_caches_are_checked()
    {
        Says("attention: values must be [1, 2, 64, 8], got [1, 2, 8, 64].",
            () => _here.Attention(F(1, 2, 8), new DenseKv(Kv().Keys, Kv().Keys), AttentionMask.Causal(0), 1, 0, F(1, 2, 8)));
        Says("attention: keys must be [1, 2, 8, 64], got [1, 2, 8, 32].",
            () =>
                _here.Attention(F(1, 2, 8), new DenseKv(T(ElementType.F16, 1, 2, 8, 32), Kv().Values), AttentionMask.Causal(0), 1, 0,
                    F(1, 2, 8)));
    }

    [Fact]
    public void Copies_between_host_and_device_are_checked()
    {
        Says("upload: the host side must have as many elements of the same size, got 3 of 4 bytes for F32[2, 2] of test.",
            () => _here.Upload<float>(new float[3], F(2, 2)));
        Says("download: the host side must have as many elements of the same size, got 4 of 8 bytes for F32[2, 2] of test.",
            () => _here.Download(F(2, 2), new double[4]));
        Says("upload: rows of tensor must be contiguous, got [2, 2] with row stride 5.",
            () => _here.Upload<float>(new float[4], F(2, 5).Columns(1, 2)));
    }

    [Fact]
    public void Views_and_weights_stay_within_their_bounds()
    {
        Says("tensor: rows 2..5 are outside [4, 2].", () => F(4, 2).Slice(2, 3));
        Says("tensor: columns 1..3 are outside [4, 2].", () => F(4, 2).Columns(1, 2));
        Says("tensor: rows of [4, 6] do not divide into 4 heads.", () => F(4, 6).Heads(4));
        Says("tensor: cannot view [4, 6] as [4, 3, 3]: rows and row length must match.", () => F(4, 6).As(new Shape(4, 3, 3)));
        Says("tensor: cannot view [4, 6] as [2, 3, 4]: rows and row length must match.", () => F(4, 6).As(new Shape(2, 3, 4)));
        Says("weight: rows must be whole rows of 16 bytes, got 15 bytes.", () => W(3, 4).Write(0, new byte[15], ElementType.F32));
        Says("weight: rows must be F32, F16 or BF16, got I32.", () => W(3, 4).Write(0, new byte[16], ElementType.I32));
        Says("weight: rows 2..4 are outside [3, 4].", () => W(3, 4).Write(2, new byte[32], ElementType.F32));
    }
}
