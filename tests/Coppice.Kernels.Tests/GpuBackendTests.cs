using System.Runtime.CompilerServices;
using Coppice.Kernels.Gpu;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>What only the GPU back end has: launches that do not allocate, staging, rounding, limits. On ILGPU's CPU accelerator.</summary>
public sealed class GpuBackendTests : IDisposable
{
    private readonly GpuBackend _backend = GpuBackend.CreateCpuAccelerator();

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void A_launch_allocates_nothing_but_the_task_of_the_CPU_accelerator()
    {
        using var pool = _backend.CreatePool("test", 1 << 20);
        var (x, y, z) = (pool.Rent(new Shape(2, 16)), pool.Rent(new Shape(2, 16)), pool.Rent(new Shape(2, 16)));
        var (weight, ids, scales) = (pool.Rent(new Shape(16)), pool.Rent(new Shape(2), ElementType.I32), pool.Rent(new Shape(2)));
        foreach (var tensor in new[] { x, y, z, weight, scales }) _backend.Upload<float>(new float[tensor.Shape.Count], tensor);
        _backend.Upload<int>([0, 1], ids);
        using var matrix = _backend.CreateWeight(pool, 16, 16, MatrixFormat.BF16);
        matrix.Write(0, new byte[16 * 16 * 2], ElementType.BF16);
        using var codes = _backend.CreateWeight(pool, 16, 16, MatrixFormat.Q4, ActivationFormat.Int8);
        codes.Write(0, new byte[16 * 16 * 2], ElementType.BF16);

        var tables = pool.Rent(new Shape(4, 4));
        var (values, indices) = (pool.Rent(new Shape(2, 3)), pool.Rent(new Shape(2, 3), ElementType.I32));
        var kv = new DenseKv(pool.Rent(KvLayout.Keys(1, 2, 8), ElementType.F16), pool.Rent(KvLayout.Values(1, 2, 8), ElementType.F16));

        (string Kernels, Action Call)[] calls =
        [
            ("Rope", () => _backend.Rope(x.Heads(2), ids, tables, tables, RopePairing.Half)),
            ("SoftCap", () => _backend.SoftCap(x, 1, 30, y)),
            ("Select(RowCandidates)", () => _backend.TopK(x, values, indices)),
            ("KvAppend(Dense F16)", () => _backend.KvAppend(kv, x.Heads(2), y.Heads(2), 0)),
            ("KvMove(Dense F16)", () => _backend.KvMove(kv, [1], 0)),
            ("AttendBlocks(Dense F16) + MergeBlocks", () => _backend.Attention(x.Heads(2), kv, AttentionMask.Causal(0), 1, 0, y.Heads(2))),
            ("Add", () => _backend.Add(x, y, 1, z)),
            ("AddRows", () => _backend.AddRows(x, ids, scales, y)),
            ("RmsNorm", () => _backend.RmsNorm(x, weight, 0.1f, y)),
            ("AddRmsNorm", () => _backend.AddRmsNorm(x, z, 1, weight, 0.1f, y)),
            ("LayerNorm", () => _backend.LayerNorm(x, weight, default, 0.1f, y)),
            ("MatMulRow(BF16, AlignedRow)", () => _backend.MatMul(x.Slice(0, 1), matrix, weight, y.Slice(0, 1))),
            ("MatMulTile(BF16, AlignedRow)", () => _backend.MatMul(x, matrix, default, y)),
            ("RoundRows(AlignedRow) + MatMulCodesRow(Q4)", () => _backend.MatMul(x.Slice(0, 1), codes, weight, y.Slice(0, 1))),
            ("RoundRows(AlignedRow) + MatMulCodesTile(Q4)", () => _backend.MatMul(x, codes, default, y)),
            ("Embed(Q4)", () => _backend.Embed(ids, codes, 1, y)),
            ("Embed(BF16)", () => _backend.Embed(ids, matrix, 1, y)),
            ("EmbedMixture(BF16)", () => _backend.EmbedMixture(indices, values, ids, matrix, 1, y)),
            ("GatedActivation(Silu)", () => _backend.GatedActivation(x, y, Activation.Silu, z)),
            ("Map(GeluTanh)", () => _backend.Map(x, Activation.GeluTanh, y)),
            ("Softmax", () => _backend.Softmax(x, y)),
            ("CopyRows", () => _backend.CopyRows(x, ids, y)),
        ];
        foreach (var (kernels, call) in calls)
        {
            call();
            call();
            // Sometimes the accelerator's own waiting allocates a little more; what we allocated would be in every count.
            var allocated = long.MaxValue;
            for (var i = 0; i < 5; i++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                call();
                allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            Assert.Equal((kernels, kernels.Split(" + ").Sum(TaskBytes)), (kernels, allocated));
        }
    }

    [Fact]
    public void An_upload_allocates_nothing()
    {
        using var pool = _backend.CreatePool("test", 1 << 12);
        var ids = pool.Rent(new Shape(4), ElementType.I32);
        _backend.Upload<int>([1, 2, 3, 4], ids);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) _backend.Upload<int>([i, 2, 3, 4], ids);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        var read = new int[4];
        _backend.Download(ids, read.AsSpan());
        Assert.Equal([99, 2, 3, 4], read);
    }

    [Fact]
    public void Copies_larger_than_the_staging_buffer_arrive_whole()
    {
        var values = Noise.Uniform(1, 2 * HostStaging.Capacity / sizeof(float) + 12345);
        using var pool = _backend.CreatePool("test", (long)values.Length * sizeof(float));
        var tensor = pool.Rent(new Shape(values.Length));
        _backend.Upload<float>(values, tensor);
        var read = new float[values.Length];
        _backend.Download(tensor, read.AsSpan());
        Assert.Equal(values, read);
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Device_rounding_equals_the_host_rounding_for_every_kind_of_number(ElementType type)
    {
        float[] values = [.. Noise.Uniform(1, 100, 1e-4f), .. Noise.Uniform(2, 100, 1e-7f), .. Noise.Uniform(3, 100, 7e4f),
            .. Noise.Uniform(4, 100),
            0f, -0f, 65504f, 65519.996f, 65520f, -65536f, 5.9604645e-8f, 2.9802322e-8f, 2.98023259e-8f, 6.1035156e-5f, 6.1005e-5f,
            1.00048828125f, 1.00146484375f, float.MaxValue, float.Epsilon, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        foreach (var value in values)
        {
            var expected = type == ElementType.F16 ? BitConverter.HalfToUInt16Bits((Half)value) : BFloat16.FromSingle(value);
            var actual = type == ElementType.F16 ? Bits(DeviceF16.FromSingle(value)) : Bits(DeviceBF16.FromSingle(value));
            if (float.IsNaN(value))
                Assert.True(float.IsNaN(type == ElementType.F16 ? DeviceF16.ToSingle(DeviceF16.FromSingle(value))
                    : DeviceBF16.ToSingle(DeviceBF16.FromSingle(value))));
            else Assert.Equal((value, expected), (value, actual));
        }
    }

    [Fact]
    public void Device_tanh_is_within_three_units_in_the_last_place()
    {
        foreach (var x in (float[])[.. Noise.Uniform(1, 2000, 3), .. Noise.Uniform(2, 500, 0.01f), 0f, -0f, 0.625f, -0.62499994f, 20f,
            -100f, float.PositiveInfinity])
        {
            var expected = Math.Tanh((double)x);
            Assert.True(Math.Abs(DeviceMath.Tanh(x) - expected) <= 3 * Math
                .Abs(MathF.BitIncrement((float)expected) - (double)(float)expected), $"{x}: {DeviceMath.Tanh(x)} {expected}");
        }
    }

    [Theory]
    [InlineData(8200, 0)]       // two segments of 8192 positions
    [InlineData(8250, 8300)]
    [InlineData(16390, 100)]    // the window begins within the third, and the first two are not launched
    public void Contexts_of_several_segments_equal_the_formula(int start, int window)
    {
        var c = new AttentionCase(start, 3, 2, 1, 4, ElementType.F16, false, MaskKind.Causal, window);
        using var reference = new Reference.ReferenceBackend();
        using var expected = new Bed(reference, Placement.Plain, onHost: true);
        using var bed = new Bed(_backend, Placement.Plain, onHost: false);
        Compare.Within(c.ToString(), Ops.AttentionTests.Run(expected, c), Ops.AttentionTests.Run(bed, c),
            Tolerances.Attention(c.HeadDim, c.QuerySize, c.SoftCap));
    }

    [Fact]
    public void The_size_of_the_workspace_does_not_show_in_a_result()
    {
        using var small = GpuBackend.CreateCpuAccelerator(scratchBytes: 6000);      // states of three rows at a time, of five
        using var one = new Bed(_backend, Placement.Plain, onHost: false);
        using var other = new Bed(small, Placement.Plain, onHost: false);
        var c = new AttentionCase(130, 5, 4, 2, 24, ElementType.BF16, true, MaskKind.Tree);
        Compare.SameFiniteBits("attention", Ops.AttentionTests.Run(one, c), Ops.AttentionTests.Run(other, c));
        var product = new MatMulCase(7, 2100, 3, MatrixFormat.Q4, false, ActivationFormat.Int8);     // two rounded rows at a time
        Compare.SameFiniteBits("matmul", Ops.MatMulTests.Run(one, product), Ops.MatMulTests.Run(other, product));
        Assert.Equal(LargestOfLongRows(one), LargestOfLongRows(other));
        Assert.Contains("must fit", Assert.Throws<ArgumentException>(() => Ops.AttentionTests.Run(other, c with { Start = 900 })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_largest_of_long_rows_come_in_order()
    {
        using var bed = new Bed(_backend, Placement.Plain, onHost: false);
        var x = LongRows();
        var expected = Enumerable.Range(0,
            3).SelectMany(row => Enumerable.Range(0, LongRow).OrderByDescending(i => x[row * LongRow + i]).ThenBy(i => i).Take(4));
        Assert.Equal(expected, LargestOfLongRows(bed));
    }

    private const int LongRow = 9000;       // three segments of top-k's search

    /// <summary>Few distinct values, so that ties decide.</summary>
    private static float[] LongRows() => Array.ConvertAll(Noise.Uniform(7, 3 * LongRow, 1500), MathF.Round);

    private static int[] LargestOfLongRows(Bed bed)
    {
        var indices = bed.Output(new Shape(3, 4), ElementType.I32);
        bed.Backend.TopK(bed.Place(new Shape(3, LongRow), LongRows()), bed.Output(new Shape(3, 4)), indices);
        return bed.Integers(indices);
    }

    [Fact]
    public void A_matrix_too_large_to_index_is_refused() => Assert.Contains("32 GiB",
        Assert.Throws<ArgumentException>(() =>
        {
            using var pool = _backend.CreatePool("test", 0);
            _backend.CreateWeight(pool, 1 << 20, 1 << 14, MatrixFormat.BF16);
        }).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_missing_gpu_is_explained()
    {
        using var backend = GpuBackend.TryCreateCuda(1000, out var reason);
        Assert.Null(backend);
        Assert.NotEmpty(reason);
    }

    /// <summary>The object that ILGPU's CPU accelerator makes of a launch: 68 bytes and the arguments, rounded up to 8.</summary>
    private static long TaskBytes(string kernel)
    {
        var method = DeviceKernels.All.Single(candidate => candidate.Name == kernel).Method;
        var arguments = method.GetParameters().Sum(parameter => (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!
            .MakeGenericMethod(parameter.ParameterType).Invoke(null, null)!);
        return (68 + arguments + 7) / 8 * 8;
    }

    private static ushort Bits<T>(T element) where T : unmanaged => Unsafe.As<T, ushort>(ref element);
}
