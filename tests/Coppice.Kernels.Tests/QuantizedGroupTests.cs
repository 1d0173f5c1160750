using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Reference;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>Codes of quantised groups against what double precision would choose.</summary>
public sealed class QuantizedGroupTests
{
    public static TheoryData<int, float, float> Groups => new()
    {
        { 32, 1f, 0f }, { 32, 0.02f, 0f }, { 31, 1f, 0f }, { 1, 1f, 0f }, { 2, 1f, 5f }, { 32, 1e-3f, 3f }, { 32, 100f, -40f },
            { 32, 1e-7f, 0f }, { 7, 0f, 2f }, { 5, 0f, 0f },
    };

    [Theory, MemberData(nameof(Groups))]
    public void Eight_bits_are_off_by_half_a_step(int count, float size, float centre)
    {
        foreach (var weights in Samples(count, size, centre))
        {
            var codes = new sbyte[count];
            var scale = QuantizedGroup.EncodeQ8(weights, codes);
            var largest = weights.Max(w => Math.Abs((double)w));
            var expected = SmallFloat.Binary16.Decode(SmallFloat.Binary16.Encode((float)(largest / 127)));
            Assert.Equal(expected, scale);
            for (var i = 0; i < count; i++)
            {
                Assert.InRange(codes[i], -127, 127);
                // Half a step, or what the scale's rounding takes from the largest; where the scale is 0 or subnormal, a weight itself is
                // within that.
                Assert.InRange(Math.Abs(weights[i] - (double)scale * codes[i]), 0,
                    0.5001 * scale + largest / 1024 + 127 * Math.ScaleB(1, -25));
            }
        }
    }

    [Theory, MemberData(nameof(Groups))]
    public void Four_bits_are_no_worse_than_the_range_cut_in_fifteen(int count, float size, float centre)
    {
        foreach (var weights in Samples(count, size, centre))
        {
            var codes = new byte[count];
            var (scale, minimum) = QuantizedGroup.EncodeQ4(weights, codes);
            Assert.All(codes, code => Assert.InRange(code, 0, 15));
            Assert.Equal((double)scale, SmallFloat.Binary16.Decode(SmallFloat.Binary16.Encode(scale)));
            Assert.Equal((double)minimum, SmallFloat.Binary16.Decode(SmallFloat.Binary16.Encode(minimum)));
            double low = SmallFloat.Binary16.Decode(SmallFloat.Binary16.Encode(weights.Min()));
            double step = SmallFloat.Binary16.Decode(SmallFloat.Binary16.Encode((weights.Max() - weights.Min()) / 15));
            var plain = weights.Sum(w => Square(w - (low + step * (step == 0 ? 0 : Math.Clamp(Math.Round((w - low) / step), 0, 15)))));
            var chosen = weights.Zip(codes).Sum(pair => Square(pair.First - ((double)scale * pair.Second + minimum)));
            Assert.InRange(chosen, 0, plain * 1.0001 + 1e-12 * weights.Sum(w => Square(w)));
        }
    }

    [Fact]
    public void Fitting_lessens_the_error_of_normal_weights_by_a_tenth_of_its_square()
    {
        var (plain, fitted) = (0.0, 0.0);
        foreach (var weights in Samples(32, 1, 0))
        {
            var codes = new byte[32];
            var (scale, minimum) = QuantizedGroup.EncodeQ4(weights, codes);
            var (low, step) = ((double)weights.Min(), (weights.Max() - weights.Min()) / 15.0);
            plain += weights.Sum(w => Square(w - (low + step * Math.Round((w - low) / step))));
            fitted += weights.Zip(codes).Sum(pair => Square(pair.First - ((double)scale * pair.Second + minimum)));
        }
        Assert.InRange(fitted / plain, 0.5, 0.95);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(1e9f)]
    public void Weights_that_no_scale_can_hold_are_refused(float bad)
    {
        float[] weights = [0.5f, bad, -1f];
        Assert.Contains("finite", Assert.Throws<ArgumentException>(() => QuantizedGroup.EncodeQ8(weights, new sbyte[3])).Message,
            StringComparison.Ordinal);
        Assert.Contains("finite", Assert.Throws<ArgumentException>(() => QuantizedGroup.EncodeQ4(weights, new byte[3])).Message,
            StringComparison.Ordinal);
    }

    private static IEnumerable<float[]> Samples(int count, float size, float centre) =>
        Enumerable.Range(1, 200).Select(seed => Array.ConvertAll(Noise.Uniform(seed, 3 * count), v => v * size)).Select(
            noise => Enumerable.Range(0, count).Select(i => centre + noise[3 * i] + noise[3 * i + 1] + noise[3 * i + 2]).ToArray());

    private static double Square(double x) => x * x;
}
