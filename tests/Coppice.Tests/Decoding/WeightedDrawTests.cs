using Coppice.Decoding.Sampling;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>Draws by weights against the documented order, written out in scalar code, and with the zeros left out.</summary>
public sealed class WeightedDrawTests
{
    private static readonly Gen<double> Uniform = Gen.Double[0, 1].Select(u => u == 1 ? 0.5 : u);

    [Fact]
    public void A_draw_is_the_one_of_the_documented_order_bit_for_bit()
    {
        Gen.Select(Rows, Uniform).Sample((weights, uniform) =>
        {
            Assert.Equal(Reference(weights, uniform), WeightedDraw.Draw<float>(weights, uniform));
            double[] wide = [.. weights.Select(w => (double)w)];
            Assert.Equal(Reference(weights, uniform), WeightedDraw.Draw<double>(wide, uniform));
        }, iter: 1000);
    }

    [Fact]
    public void Zeros_that_are_left_out_change_nothing()
    {
        Gen.Select(Rows, Uniform).Sample((weights, uniform) =>
        {
            int[] ids = [.. Enumerable.Range(0, weights.Length).Where(id => weights[id] > 0)];
            if (ids.Length == 0) return;
            float[] kept = [.. ids.Select(id => weights[id])];
            Assert.Equal(WeightedDraw.Draw<float>(weights, uniform), ids[WeightedDraw.Draw<float>(ids, kept, uniform)]);
            Assert.Equal(ReferenceSums(weights).Sum(), WeightedDraw.Total<float>(ids, kept));
        }, iter: 1000);
    }

    [Fact]
    public void No_uniform_number_draws_a_weight_of_zero()
    {
        float[] weights = new float[1300];
        (weights[3], weights[700], weights[1290]) = (1e-30f, 0.7f, 1e-38f);
        double[] edges = [0, double.Epsilon, 1e-31, 0.5, 1 - 1e-15, Math.BitDecrement(1.0)];
        foreach (var uniform in edges) Assert.True(weights[WeightedDraw.Draw<float>(weights, uniform)] > 0, $"{uniform}");
        Assert.Equal(3, WeightedDraw.Draw<float>(weights, 0));
        Assert.Equal(0, WeightedDraw.Draw<float>(new float[20], 0.5));
    }

    [Fact]
    public void Draws_follow_the_weights_over_several_blocks()
    {
        const int width = 1100, draws = 60_000;
        var random = new Random(5);
        var weights = Enumerable.Range(0, width).Select(id => id % 100 == 7 ? 1 + (float)random.NextDouble() : 0).ToArray();
        var total = weights.Sum(w => (double)w);
        var counts = new int[width];
        for (var i = 0; i < draws; i++) counts[WeightedDraw.Draw<float>(weights, Philox.Uniform(3, RandomStream.Target, i))]++;
        var cells = Enumerable.Range(0, width).Where(id => weights[id] > 0).ToArray();
        Assert.Equal(draws, cells.Sum(id => counts[id]));
        var chiSquare = cells.Sum(id => Math.Pow(counts[id] - weights[id] / total * draws, 2) / (weights[id] / total * draws));
        Assert.Equal(11, cells.Length);
        Assert.True(chiSquare < 29.6, $"χ² of 10 degrees of freedom is above 29.6 once in a thousand, got {chiSquare}");
    }

    /// <summary>Weights of very different sizes, many of them 0, over none to three blocks.</summary>
    private static Gen<float[]> Rows => Weight.Array[1, 1400];
    private static Gen<float> Weight =>
        Gen.Select(Gen.Float[0, 1], Gen.Int[0, 40], Gen.Bool, (value, power, zero) => zero ? 0 : value * MathF.Pow(2, -power));

    private static double[] ReferenceSums(float[] weights) => [.. weights.Chunk(512).Select(block =>
    {
        var s = new double[16];
        for (var i = 0; i < block.Length; i++) s[i % 16] += block[i];
        var t = Enumerable.Range(0, 4).Select(i => s[i] + s[i + 4] + (s[i + 8] + s[i + 12])).ToArray();
        return t[0] + t[1] + (t[2] + t[3]);
    })];

    private static int Reference(float[] weights, double uniform)
    {
        var sums = ReferenceSums(weights);
        var target = uniform * sums.Aggregate(0.0, (sum, block) => sum + block);
        var (before, chosen, after) = (0.0, 0, 0.0);
        for (var block = 0; block < sums.Length; block++)
        {
            if (sums[block] == 0) continue;
            (before, chosen) = (after, block);
            after += sums[block];
            if (after > target) break;
        }
        var last = 512 * chosen;
        for (var id = 512 * chosen; id < Math.Min(512 * chosen + 512, weights.Length); id++)
        {
            if (weights[id] == 0) continue;
            last = id;
            before += weights[id];
            if (before > target) break;
        }
        return last;
    }
}
