using Coppice.Kernels.Tests.Reference;

namespace Coppice.Kernels.Tests.Support;

/// <summary>A codec with the sizes of a chunk.</summary>
public sealed record ChunkCase(string Name, KvCodec Base, int Heads, int Dim, int Tokens, int Rank, int Exact, int Group = 1,
    float[]? Weights = null, int[]? HeadBits = null) : ICase
{
    public long Cost => (long)Tokens * Heads * Dim;
    /// <summary>The codec, with weights where the case has them.</summary>
    public KvCodec Codec => Weights is null ? Base : Base with { KeyWeights = new KvKeyWeights(Weights, HeadBits!) };
    public KvChunkLayout Layout => Codec.Layout(Heads, Dim, Tokens, Rank, Exact);
    public override string ToString() => $"{Name} {Heads} x {Dim} x {Tokens}, rank {Rank}, exact {Exact}, group {Group}";

    /// <summary>Every backbone, width, kind of factor and count of outliers, in sizes around words, vectors and blocks.</summary>
    public static IReadOnlyList<ChunkCase> All { get; } = [.. Plain(), .. Gear(), .. Shapes()];

    private static IEnumerable<ChunkCase> Plain()
    {
        foreach (var backbone in Enum.GetValues<KvBackbone>())
            for (var bits = 2; bits <= 8; bits++)
                yield return new($"{backbone}-{bits}", new KvCodec { Backbone = backbone, KeyBits = bits, ValueBits = 10 - bits }, 2, 64,
                    64,
                    0, 0, 3);
    }

    private static IEnumerable<ChunkCase> Gear()
    {
        foreach (var backbone in Enum.GetValues<KvBackbone>())
        {
            var gear = new KvCodec { Backbone = backbone, KeyBits = 2, ValueBits = 4, Sparsity = 0.05 };
            yield return new($"{backbone}-gear", gear, 3, 64, 64, 2, 0, 3);
            yield return new($"{backbone}-gear-bytes", gear with { Factors = KvFactorType.I8 }, 3, 32, 64, 4, 4, 4);
            yield return new($"{backbone}-outliers", gear with { ValueOutliers = KvOutlierCount.AtLeastOne }, 2, 64, 128, 0, 4, 2);
            yield return new($"{backbone}-bytes", gear with { Scales = KvScaleType.I8 }, 2, 32, 64, 1, 3, 2);
            yield return new($"{backbone}-fitted", gear with { ValueRange = KvRange.Fitted, KeyRange = KvRange.Fitted }, 2, 64, 64, 0, 1);
        }
    }

    private static IEnumerable<ChunkCase> Shapes()
    {
        var first = new KvCodec { KeyBits = 3, ValueBits = 3, FactorsFirst = true };
        yield return new("factors first", first, 2, 64, 64, 3, 0, 3);
        yield return new("factors first gear", first with { Sparsity = 0.05 }, 3, 32, 64, 2, 4, 2);
        yield return new("factors first range", first with { KeyBitsByRange = true, Scales = KvScaleType.I8 }, 2, 64, 64, 2, 4, 3);
        yield return new("factors first two axes", first with { Backbone = KvBackbone.TwoAxis, GroupSize = 32 }, 2, 64, 64, 2, 0, 1);
        yield return new("factors first tokens", first with { Backbone = KvBackbone.Symmetric, Sparsity = 0.1 }, 2, 64, 40, 2, 3, 2);
        yield return new("shrunk", first with { FactorsFirst = false, ShrinkFactors = true }, 2, 64, 64, 4, 0, 3);
        yield return new("shrunk first", first with { ShrinkFactors = true, Sparsity = 0.05 }, 2, 64, 128, 5, 4, 2);
        var bytes = new KvCodec { Scales = KvScaleType.I8, GroupSize = 32, KeyBits = 2, ValueBits = 2 };
        yield return new("bytes g32", bytes, 3, 80, 100, 0, 5, 1);
        yield return new("two axes odd", new KvCodec { Backbone = KvBackbone.TwoAxis, GroupSize = 16 }, 3, 17, 33, 0, 0, 1);
        var kivi = new KvCodec { GroupSize = 32, KeyBits = 3, ValueBits = 2, Sparsity = 0.1 };
        var kcvt = new KvCodec { Backbone = KvBackbone.Kcvt, Sparsity = 0.02 };
        var range = new KvCodec { KeyBits = 3, ValueBits = 3, KeyBitsByRange = true };
        for (var bits = 2; bits <= 8; bits++) yield return new($"range-{bits}", range with { KeyBits = bits }, 2, 64, 64, 0, 0, 3);
        float[] weights = [.. Enumerable.Range(0, 2 * 32).Select(d => d % 9 == 0 ? 0 : d % 5 * 0.7f + 0.1f)];
        yield return new("range weights", range, 2, 32, 64, 0, 0, 3, weights, [70, 122]);
        yield return new("range weights gear", range with { Sparsity = 0.05 }, 2, 32, 128, 2, 4, 3, weights, [150, 42]);
        yield return new("range gear", range with { Sparsity = 0.05 }, 3, 64, 64, 2, 4, 3);
        yield return new("range g32", range with { GroupSize = 32 }, 1, 80, 128, 0, 5, 4);
        yield return new("range odd", range with { Backbone = KvBackbone.KcvtHeads }, 2, 17, 96, 1, 0, 2);
        yield return new("kivi-g32", kivi, 1, 128, 192, 4, 0, 8);
        yield return new("kivi-g32 tail", kivi, 2, 80, 100, 3, 5, 2);
        yield return new("kivi wide", kivi with { GroupSize = 64 }, 1, 256, 64, 2, 0, 5);
        yield return new("kivi odd", kivi with { GroupSize = 64, KeyBits = 5, ValueBits = 7 }, 3, 17, 33, 2, 0, 1);
        yield return new("kcvt", kcvt, 3, 64, 20, 2, 0, 3);
        yield return new("kcvt odd", kcvt, 2, 18, 7, 2, 0, 2);
        yield return new("kcvt long", kcvt, 2, 64, 320, 4, 0, 3);
        yield return new("kcvt one", kcvt, 1, 8, 1, 2, 0, 1);
        yield return new("kcvt two", kcvt with { Sparsity = 0.5 }, 1, 2, 2, 4, 1, 1);
        yield return new("q8", KvCodec.Q8, 3, 64, 64, 0, 0, 3);
        yield return new("q4", KvCodec.Q4, 2, 96, 64, 0, 4, 2);
        yield return new("token-g64", new KvCodec { Backbone = KvBackbone.PerToken, KeyBits = 6 }, 1, 80, 40, 2, 0, 4);
    }
}

/// <summary>Keys and values that look like a model's: channels with means and sizes of their own, and a few spikes.</summary>
internal static class KvScene
{
    public static float[] Keys(int seed, int tokens, int channels)
    {
        var noise = Noise.Uniform(seed, (long)tokens * channels);
        float[] size = Noise.Uniform(seed + 1, channels), mean = Noise.Uniform(seed + 2, channels, 2),
            along = Noise.Uniform(seed + 3, tokens);
        for (var i = 0; i < noise.Length; i++)
        {
            var (t, c) = (i / channels, i % channels);
            noise[i] = mean[c] * mean[c] * mean[c] + noise[i] * (0.2f + MathF.Abs(size[c])) + 0.4f * along[t] * size[c];
            if (Spike(seed, i)) noise[i] *= 3;
        }
        return noise;
    }

    public static float[] Values(int seed, int tokens, int channels)
    {
        var noise = Noise.Uniform(seed + 100, (long)tokens * channels, 0.5f);
        var along = Noise.Uniform(seed + 101, tokens);
        for (var i = 0; i < noise.Length; i++)
        {
            noise[i] += 0.3f * along[i / channels] * MathF.Cos(i % channels);
            if (Spike(seed + 7, i)) noise[i] *= 4;
        }
        return noise;
    }

    /// <summary>
    /// The chunk that the reference makes of tokens from <paramref name="seed"/>; <paramref name="given"/> as for
    /// <see cref="ChunkEncoder.Encode"/>.
    /// </summary>
    public static CompressedChunk Chunk(ChunkCase c, int seed, int layer = 2, int number = 1, CompressedChunk? given = null)
    {
        var width = c.Heads * c.Dim;
        return ChunkEncoder.Encode(
            new CompressedChunk(c.Codec, c.Heads, c.Dim, c.Tokens, c.Rank, c.Exact) { Weights = c.Weights, HeadBits = c.HeadBits },
            Rows(Keys(seed, c.Tokens, width), width), Rows(Values(seed, c.Tokens, width), width), layer, number,
            given: given);
    }

    public static float[][] Rows(float[] x, int width) => [.. x.Chunk(width)];

    private static bool Spike(int seed, int index) => Noise.Integers(seed * 31 + 5, 1, 1 << 30)[0] % 97 == index % 97;
}
