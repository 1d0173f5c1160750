using Coppice.Kernels.Tests.Ops;
using Coppice.Kernels.Tests.Reference;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Compression;

/// <summary>Worked examples and properties of the method, on what the CPU back end writes.</summary>
public sealed class MethodTests
{
    private const int Dim = 64, Tokens = 64;
    private static readonly KvCodec Gear2 = new() { KeyBits = 2, ValueBits = 2, Sparsity = 0.05 };

    [Fact]
    public void The_worked_example_of_two_bits_gives_its_bytes()
    {
        float[] x = [-1, -0.5f, 0, 0.25f, 0.5f, 1, 1.5f, 2];
        var c = new ChunkCase("example", new KvCodec { Backbone = KvBackbone.Kcvt, KeyBits = 2, ValueBits = 2 }, 1, 1, 8, 0, 0);
        var bytes = Compress(c, x, x);
        Assert.Equal([0x50, 0xea, 0, 0], bytes[64..68]);
    }

    /// <summary>
    /// Keys [8, 4] with one outlier at each end of a channel and rank 1; the start [1, 1, -1, 1] is what some seed gives.
    /// </summary>
    [Fact]
    public void The_worked_example_of_a_chunk_gives_its_codes_and_scores()
    {
        float[] k =
        [
            1, -2, .5f, 4, 1.5f, -1, .25f, 4.5f, 2, 3, -.5f, 5, 9, 0, .75f, 4.25f, 1.25f, .5f, -.25f, 3.5f, 1.75f, 1, 8, 4.75f,
            -6, -.5f, 0, 5.5f, 2.25f, 2, -3, -1,
        ];
        double[] start = [1, 1, -1, 1];
        var seed = Enumerable.Range(0, 1000).First(s =>
            Enumerable.Range(0, 4).All(row => ChunkEncoder.Start((ulong)s, 2, 0, 0, 1, row, 0) == start[row]));
        var codec = new KvCodec { Backbone = KvBackbone.Kcvt, KeyBits = 2, ValueBits = 2, Sparsity = 0.25, Loops = 2, Seed = (ulong)seed };
        var c = new ChunkCase("mini", codec, 1, 4, 8, 1, 0);
        var bytes = Compress(c, k, k);
        Assert.Equal([0xc9e4u, 0xca70u, 0x1dcau, 0x38b9u],
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(64, 16)).ToArray());
        var chunk = KvCompressTests.Read(c, bytes);
        Assert.Equal([3, 6, 0, 2, 5, 7, 6, 7], chunk.Keys.Positions.Cast<int>());
        Assert.Equal([1, -1, -.5, 3.5], chunk.Keys.Minima.Cast<double>());
        Assert.Equal([(double)(Half)0.416748f, 1, (double)(Half)0.416748f, .5], chunk.Keys.Scales.Cast<double>());
        var x = KvScene.Rows(k, 4);
        var rest = ChunkEncoder.Rest(chunk, chunk.Keys, x, 0);
        Assert.Equal(0.873992, Norm(8, 4, (t, d) => rest[t, d]), 6);
        // The factors are F16 here, and were F32 in the example.
        Assert.Equal(0.468847, Norm(8, 4, (t, d) => rest[t, d] - chunk.Keys.A[0, t, 0] * chunk.Keys.B[0, d, 0]), 3);
        Assert.Equal(0.458180, Norm(8, 4, (t, d) => x[t][d] - chunk.Element(chunk.Keys, 0, t, d)), 3);
        double[] q = [1, -1, .5, 2], scores = [11.176954, 11.580084, 8.598065, 18.414222, 7.685689, 13.809750, 5.551042, -3.249724];
        for (var t = 0; t < 8; t++)
            Assert.Equal(scores[t], Enumerable.Range(0, 4).Sum(d => q[d] * chunk.Element(chunk.Keys, 0, t, d)), 2e-3);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public void Every_element_is_within_half_a_step(int bits)
    {
        foreach (var backbone in Enum.GetValues<KvBackbone>())
        {
            var codec = new KvCodec { Backbone = backbone, KeyBits = bits, ValueBits = bits };
            WithinHalfAStep(new ChunkCase($"{backbone}-{bits}", codec, 2, Dim, Tokens, 0, 0));
            // Rounded to the nearest byte, a symmetric scale may reach less far.
            if (backbone != KvBackbone.Symmetric)
                WithinHalfAStep(new ChunkCase($"{backbone}-{bits} in bytes", codec with { Scales = KvScaleType.I8 }, 2, Dim, Tokens, 0, 0));
        }
    }

    private static void WithinHalfAStep(ChunkCase c)
    {
        var (k, v) = KvCompressTests.Tokens(c);
        var chunk = KvCompressTests.Read(c, Compress(c, k, v));
        var bits = c.Codec.KeyBits;
        var most = c.Codec.Backbone == KvBackbone.Symmetric && bits < 8 ? 1 : 0.5;
        foreach (var (x, part) in new[] { (KvScene.Rows(k, 2 * Dim), chunk.Keys), (KvScene.Rows(v, 2 * Dim), chunk.Values) })
            for (var t = 0; t < Tokens; t++)
                for (var i = 0; i < 2 * Dim; i++)
                {
                    // Half a step; what rounding to F16 moves both ends by; of symmetric codes the largest may be a step too far.
                    var scale = Math.Abs(part.Scale(i / Dim, t, i % Dim));
                    var rounding = (Math.Abs(part.Minimum(i / Dim, t, i % Dim)) + (1 << bits) * scale) / 2048;
                    var bound = (scale * most + rounding) * part.ChannelScale(i / Dim, i % Dim) * (1 + 1e-5);
                    var error = Math.Abs(x[t][i] - chunk.Element(part, i / Dim, t, i % Dim));
                    Assert.True(error <= bound, $"{c.Name} at [{t}, {i}]: off by {error}, allowed {bound}");
                }
    }

    [Fact]
    public void Outliers_are_exact_up_to_the_rounding_of_their_delta()
    {
        foreach (var c in ChunkCase.All.Where(c => c.Codec.Sparsity > 0))
        {
            var (k, v) = KvCompressTests.Tokens(c);
            var chunk = KvCompressTests.Read(c, Compress(c, k, v));
            foreach (var (x, part) in new[] { (KvScene.Rows(k, c.Heads * c.Dim), chunk.Keys),
                (KvScene.Rows(v, c.Heads * c.Dim), chunk.Values) })
                for (var vector = 0; vector < part.Vectors; vector++)
                    for (var i = 0; i < 2 * part.Outliers; i++)
                    {
                        var (head, t, d) = part.Place(vector, i);
                        if (t < c.Exact) continue;
                        var error = Math.Abs(x[t][head * c.Dim + d] - chunk.Element(part, head, t, d));
                        Assert.True(error <= Math.Abs(part.Deltas[vector, i]) / 1024 + 1e-5, $"{c}: off by {error} at an outlier");
                    }
        }
    }

    [Theory]
    [InlineData(3, 1.10)]
    [InlineData(5, 1.03)]
    public void Factors_are_orthonormal_and_nearly_the_best(int loops, double ratio)
    {
        for (var seed = 0; seed < 24; seed++)
        {
            var c = new ChunkCase("factors", Gear2 with { Loops = loops, Seed = (ulong)seed }, 1, Dim, Tokens, 1 + seed % 4, 0);
            var (k, v) = KvCompressTests.Tokens(c, seed);
            var chunk = KvCompressTests.Read(c, Compress(c, k, v));
            foreach (var (x, part) in new[] { (KvScene.Rows(k, Dim), chunk.Keys), (KvScene.Rows(v, Dim), chunk.Values) })
            {
                for (var i = 0; i < c.Rank; i++)
                    for (var j = 0; j <= i; j++)
                        Assert.Equal(i == j ? 1 : 0, Enumerable.Range(0, Tokens).Sum(t => part.A[0, t, i] * part.A[0, t, j]), 2e-3);
                var rest = ChunkEncoder.Rest(chunk, part, x, 0);
                var left = Norm(Tokens, Dim, (t, d) =>
                    rest[t, d] - Enumerable.Range(0, c.Rank).Sum(r => part.A[0, t, r] * part.B[0, d, r]));
                var best = SingularValues.Rest(rest, c.Rank);
                Assert.True(left <= ratio * best, $"seed {seed}: {left} left, the best is {best}");
            }
        }
    }

    [Fact]
    public void More_rank_and_more_bits_leave_less()
    {
        double Error(KvCodec codec, int rank)
        {
            var c = new ChunkCase("monotone", codec, 1, Dim, Tokens, rank, 0);
            var (k, v) = KvCompressTests.Tokens(c);
            var chunk = KvCompressTests.Read(c, Compress(c, k, v));
            return Norm(Tokens, Dim, (t, d) => k[t * Dim + d] - chunk.Element(chunk.Keys, 0, t, d))
                + Norm(Tokens, Dim, (t, d) => v[t * Dim + d] - chunk.Element(chunk.Values, 0, t, d));
        }
        var byRank = Enumerable.Range(0, 17).Select(rank => Error(Gear2, rank)).ToArray();
        for (var rank = 1; rank < byRank.Length; rank++) Assert.True(byRank[rank] <= byRank[rank - 1] * 1.0005, $"rank {rank}");
        var byBits = Enumerable.Range(2, 7).Select(bits => Error(Gear2 with { KeyBits = bits, ValueBits = bits }, 2)).ToArray();
        for (var i = 1; i < byBits.Length; i++) Assert.True(byBits[i] < byBits[i - 1], $"{i + 2} bits");
        Assert.True(Error(Gear2 with { Sparsity = 0 }, 0) > Error(Gear2, 0));
        Assert.True(Error(Gear2, 0) > Error(Gear2, 4));
    }

    /// <summary>A residual with one channel gives a B that points at that channel: nothing is scrambled.</summary>
    [Fact]
    public void Factors_point_at_the_channel_that_is_left()
    {
        var c = new ChunkCase("channel", new KvCodec { KeyBits = 2, ValueBits = 2 }, 1, Dim, Tokens, 1, 0);
        var noise = Noise.Uniform(1, Tokens, 10);
        var x = new float[Tokens * Dim];
        for (var t = 0; t < Tokens; t++) x[t * Dim + 37] = noise[t];
        var part = KvCompressTests.Read(c, Compress(c, x, x)).Keys;
        var all = Math.Sqrt(Enumerable.Range(0, Dim).Sum(d => part.B[0, d, 0] * part.B[0, d, 0]));
        Assert.True(all > 0.1);
        Assert.Equal(1, Math.Abs(part.B[0, 37, 0]) / all, 1e-3);
    }

    [Fact]
    public void Every_tier_and_number_of_threads_writes_the_same_bytes()
    {
        Device[] tiers = [Devices.Portable, Devices.Avx2, Devices.Avx512];
        foreach (var c in ChunkCase.All)
        {
            var (k, v) = KvCompressTests.Tokens(c);
            byte[]? first = null;
            foreach (var backend in tiers.Where(t => t.Missing is null).SelectMany(t => t.Backends))
            {
                using var bed = new Bed(backend, Placement.Plain, onHost: true);
                var bytes = KvCompressTests.Rows(bed, c, k, v);
                Compare.Same($"{c} on {backend.Name}", first ??= bytes, bytes);
            }
        }
    }

    [Fact]
    public void A_GPU_has_the_bytes_of_the_CPU()
    {
        foreach (var device in (Device[])[Devices.CpuAccelerator, Devices.Cuda])
            foreach (var c in ChunkCase.All.Where((_, i) => device.Missing is null && i % 7 == 0))
            {
                var (k, v) = KvCompressTests.Tokens(c);
                using var bed = new Bed(device.Backends[0], Placement.Plain, onHost: false);
                Compare.Same($"{c} on {device}", Compress(c, k, v), KvCompressTests.Rows(bed, c, k, v));
            }
    }

    private static byte[] Compress(ChunkCase c, float[] k, float[] v)
    {
        using var backend = SimdBackend.Create(1);
        using var bed = new Bed(backend, Placement.Plain, onHost: true);
        return KvCompressTests.Rows(bed, c, k, v);
    }

    private static double Norm(int rows, int columns, Func<int, int, double> element)
    {
        var sum = 0.0;
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++) sum += Math.Pow(element(i, j), 2);
        return Math.Sqrt(sum);
    }
}
