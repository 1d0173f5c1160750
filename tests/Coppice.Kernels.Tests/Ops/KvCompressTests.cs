using Coppice.Kernels.Tests.Reference;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Compressed chunks against the reference's: positions, scales and codes exactly, factors and deltas as products.</summary>
public abstract class KvCompressTests(Device device) : OpSuite(device)
{
    private const int Layer = 2, Number = 1;

    [Fact, Trait(Settings, Every)]
    public void A_chunk_equals_the_reference()
    {
        ForEach(ChunkCase.All, c =>
        {
            using var bed = NewBed();
            var (k, v) = Tokens(c);
            var found = Read(c, Rows(bed, c, k, v));
            var expected = KvScene.Chunk(c, seed: 5);
            // What comes before scales and codes is rounded to F16, which may fall to either side: then they are compared for the same.
            var depends = c.Codec.FactorsFirst || c.Codec.Backbone == KvBackbone.TwoAxis;
            SameErrors(c, found, expected, k, v);
            Equal(c, found, depends ? KvScene.Chunk(c, seed: 5, given: found) : expected);
        });
    }

    [Fact]
    public void A_chunk_does_not_depend_on_how_pages_hold_it_nor_on_threads()
    {
        ForEach(ChunkCase.All.Where((_, i) => i % 5 == 0), c =>
        {
            var (k, v) = Tokens(c);
            var width = c.Heads * c.Dim;
            byte[]? first = null;
            foreach (var (start, type) in new[] { (0, ElementType.F32), (64, ElementType.F32), (70, ElementType.F16) })
            {
                using var bed = NewBed();
                var image = new KvImage(c.Heads, c.Dim, type, Noise.Permutation(start, KvLayout.Pages(start + c.Tokens) + 1));
                if (type == ElementType.F16)
                {
                    // From F16 pages the same as from rows that are F16 numbers.
                    (k, v) = (Rounded(k), Rounded(v));
                    first = Rows(bed, c, k, v);
                }
                for (var t = 0; t < c.Tokens; t++) image.Store(start + t, t, k, v);
                var chunks = bed.Output(new Shape(c.Layout.Units, 16), ElementType.I32);
                bed.Backend.KvCompress(image.Paged(bed), start, c.Layout, Layer, Number, chunks, 0);
                bed.RequireSurroundingsUntouched();
                first ??= Rows(bed, c, k, v);
                Compare.Same($"{c} from {type} at {start} on {bed.Backend.Name}", first, bed.Bytes(chunks));
            }
        });
    }

    [Fact]
    public void Only_the_chunk_s_own_units_are_written()
    {
        Device.Require();
        var c = ChunkCase.All[^1];
        using var bed = NewBed();
        var (k, v) = Tokens(c);
        var units = c.Layout.Units;
        var chunks = bed.Place(new Shape(units + 3, 16), Noise.Integers(1, (units + 3) * 16, 1000));
        bed.Backend.KvCompress(bed.Place(new Shape(c.Tokens, c.Heads, c.Dim), k), bed.Place(new Shape(c.Tokens, c.Heads, c.Dim), v),
            c.Layout, Layer, Number, chunks, 1);
        var (written, before) = (bed.Integers(chunks), Noise.Integers(1, (units + 3) * 16, 1000));
        Assert.Equal(before[..16], written[..16]);
        Assert.Equal(before[^32..], written[^32..]);
        Compare.Same("the chunk", Rows(bed, c, k, v), System.Runtime.InteropServices.MemoryMarshal.AsBytes(written.AsSpan(16..^32))
            .ToArray());
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(3.25f)]
    [InlineData(1e30f)]
    public void Equal_elements_give_code_0_and_nothing_that_is_not_finite(float element)
    {
        ForEach(ChunkCase.All, c =>
        {
            using var bed = NewBed();
            var x = new float[c.Tokens * c.Heads * c.Dim];
            x.AsSpan().Fill(element);
            var chunk = Read(c, Rows(bed, c, x, x));
            foreach (var part in new[] { chunk.Keys, chunk.Values })
                for (var head = 0; head < c.Heads; head++)
                    for (var t = 0; t < c.Tokens; t++)
                        for (var d = 0; d < c.Dim; d++)
                        {
                            var expected = Math.Min(element, 65504);
                            var found = chunk.Element(part, head, t, d);
                            if (!(Math.Abs(found - expected) <= 1e-2 * expected)) Assert.Fail($"{c}: {found} instead of {expected}");
                        }
        });
    }

    internal static byte[] Rows(Bed bed, ChunkCase c, float[] k, float[] v)
    {
        var shape = new Shape(c.Tokens, c.Heads, c.Dim);
        var chunks = bed.Output(new Shape(c.Layout.Units, 16), ElementType.I32);
        bed.Backend.KvCompress(bed.Place(shape, k), bed.Place(shape, v), c.Layout, Layer, Number, chunks, 0);
        return bed.Bytes(chunks);
    }

    internal static (float[] K, float[] V) Tokens(ChunkCase c, int seed = 5) =>
        (KvScene.Keys(seed, c.Tokens, c.Heads * c.Dim), KvScene.Values(seed, c.Tokens, c.Heads * c.Dim));

    internal static CompressedChunk Read(ChunkCase c, byte[] bytes) =>
        CompressedChunk.Read(bytes, c.Codec, c.Heads, c.Dim, c.Tokens, c.Rank, c.Exact);

    private static float[] Rounded(float[] x) => Array.ConvertAll(x, e => (float)(Half)e);

    /// <summary>Positions, scales and codes equal but for codes on a tie.</summary>
    private static void Equal(ChunkCase c, CompressedChunk found, CompressedChunk expected)
    {
        foreach (var isKeys in new[] { true, false })
        {
            var (e, f) = isKeys ? (expected.Keys, found.Keys) : (expected.Values, found.Values);
            var part = $"{c}, {(isKeys ? "keys" : "values")}";
            Assert.True(e.Positions.Cast<int>().SequenceEqual(f.Positions.Cast<int>()), $"{part}: positions of outliers");
            Assert.True(e.ExactRows.Cast<double>().SequenceEqual(f.ExactRows.Cast<double>()), $"{part}: exact rows");
            if (IsFitted(c, isKeys)) continue;
            Assert.True(e.Minima.Cast<double>().SequenceEqual(f.Minima.Cast<double>()), $"{part}: minima");
            Assert.True(e.Scales.Cast<double>().SequenceEqual(f.Scales.Cast<double>()), $"{part}: scales");
            Codes(part, c, e, f);
        }
    }

    /// <summary>Start matrices are the same, so errors are; a fitted range may only be better.</summary>
    private static void SameErrors(ChunkCase c, CompressedChunk found, CompressedChunk expected, float[] k, float[] v)
    {
        foreach (var isKeys in new[] { true, false })
            for (var head = 0; head < c.Heads; head++)
            {
                var x = KvScene.Rows(isKeys ? k : v, c.Heads * c.Dim);
                var error = Error(expected, isKeys ? expected.Keys : expected.Values, x, head);
                var mine = Error(found, isKeys ? found.Keys : found.Values, x, head);
                var text = $"{c}, {(isKeys ? "keys" : "values")}, head {head}: {mine} instead of {error}";
                if (IsFitted(c, isKeys)) Assert.True(mine <= error * 1.0001, text);
                else Assert.True(Math.Abs(mine - error) <= 2e-3 * error + 1e-6, text);
            }
    }

    private static void Codes(string part, ChunkCase c, CompressedChunk.Part expected, CompressedChunk.Part found)
    {
        for (var head = 0; head < c.Heads; head++)
            for (var t = 0; t < c.Tokens; t++)
                for (var d = 0; d < c.Dim; d++)
                {
                    int e = expected.Codes[head, t, d], f = found.Codes[head, t, d];
                    if (e == f) continue;
                    var at = (expected.Coded[t][head * c.Dim + d] - expected.Minimum(head, t, d)) / expected.Scale(head, t, d);
                    Assert.True(Math.Abs(e - f) == 1 && Math.Abs(Math.Abs(at - Math.Round(at)) - 0.5) < 1e-5 * Math.Max(1, Math.Abs(at)),
                        $"{part}: code {f} instead of {e} for {at} at [{head}, {t}, {d}]");
                }
    }

    private static bool IsFitted(ChunkCase c, bool isKeys) => c.Codec.Backbone != KvBackbone.Symmetric
        && (isKeys ? c.Codec.KeyRange : c.Codec.ValueRange) == KvRange.Fitted;

    private static double Error(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, int head)
    {
        var sum = 0.0;
        for (var t = 0; t < chunk.Tokens; t++)
            for (var d = 0; d < chunk.Dim; d++)
                sum += Math.Pow(x[t][head * chunk.Dim + d] - chunk.Element(part, head, t, d), 2);
        return Math.Sqrt(sum);
    }
}

public sealed class KvCompressOnPortable() : KvCompressTests(Devices.Portable);
public sealed class KvCompressOnAvx2() : KvCompressTests(Devices.Avx2);
public sealed class KvCompressOnAvx512() : KvCompressTests(Devices.Avx512);
public sealed class KvCompressOnCpuAccelerator() : KvCompressTests(Devices.CpuAccelerator);
public sealed class KvCompressOnCuda() : KvCompressTests(Devices.Cuda);
