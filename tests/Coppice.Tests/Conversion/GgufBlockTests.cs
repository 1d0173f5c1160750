using Coppice.Peers.Gguf;
using Coppice.Weights.Gguf;
using Xunit;

namespace Coppice.Tests.Conversion;

/// <summary>Blocks against their definition in double precision, and against bytes worked out by hand.</summary>
public sealed class GgufBlockTests
{
    private const int Groups = 300;

    [Fact]
    public void Eight_bit_blocks_are_the_nearest_multiples_of_their_scale()
    {
        var (x, bytes) = Encode(GgufType.Q8, 34);
        for (var group = 0; group < Groups; group++)
        {
            var scale = x.AsSpan(32 * group, 32).ToArray().Max(v => Math.Abs((double)v)) / 127;
            var block = bytes.AsSpan(34 * group, 34);
            Assert.Equal((Half)(float)scale, BitConverter.ToHalf(block));
            for (var i = 0; i < 32; i++)
            {
                // F32 may round a tie of the double quotient to either side.
                var level = (sbyte)block[2 + i];
                if (scale > 0) Assert.True(Math.Abs(x[32 * group + i] / scale - level) <= 0.5 + 1e-4, $"group {group}, element {i}");
                else Assert.Equal(0, level);
            }
        }
    }

    [Fact]
    public void Four_bit_blocks_put_their_extreme_at_minus_eight()
    {
        var (x, bytes) = Encode(GgufType.Q4, 18);
        for (var group = 0; group < Groups; group++)
        {
            var scale = (double)x.AsSpan(32 * group, 32).ToArray().MaxBy(Math.Abs) / -8;
            var block = bytes.AsSpan(18 * group, 18);
            Assert.Equal((Half)(float)scale, BitConverter.ToHalf(block));
            for (var i = 0; i < 32; i++)
            {
                var level = (block[2 + i % 16] >> (i / 16 * 4) & 15) - 8;
                var multiple = scale == 0 ? 0 : x[32 * group + i] / scale;
                Assert.True(Math.Abs(Math.Min(multiple, 7) - level) <= 0.5 + 1e-4, $"group {group}, element {i}: {multiple} as {level}");
            }
        }
    }

    [Fact]
    public void Bytes_are_those_worked_out_by_hand()
    {
        var x = new float[32];
        for (var i = 0; i < 32; i++) x[i] = (i - 16) * 0.5f;        // -8 … 7.5: d = 1 for four bits; the tie 0.5 goes up
        var four = new byte[18];
        GgufBlocks.Encode(GgufType.Q4, x, four);
        Assert.Equal([0x00, 0x3c, 0x80, 0x91, 0x91, 0xA2, 0xA2, 0xB3, 0xB3, 0xC4, 0xC4, 0xD5, 0xD5, 0xE6, 0xE6, 0xF7, 0xF7, 0xF8], four);
        for (var i = 0; i < 32; i++) x[i] = i == 0 ? -127 : i % 2 == 0 ? 2.5f : -2.5f;
        var eight = new byte[34];
        GgufBlocks.Encode(GgufType.Q8, x, eight);
        Assert.Equal([0x00, 0x3c, 0x81, 0xfd, 3, 0xfd, 3], eight[..7]);      // ties go away from zero
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1e-45f)]
    [InlineData(1e-39f)]
    [InlineData(3e-8f)]
    public void Groups_of_nothing_and_almost_nothing_stay_finite(float magnitude)
    {
        var x = new float[32];
        x.AsSpan().Fill(magnitude);
        foreach (var (type, ggml) in ((GgufType, GgmlType)[])[(GgufType.Q8, GgmlType.Q80), (GgufType.Q4, GgmlType.Q40)])
        {
            var bytes = new byte[type.Bytes(32)];
            GgufBlocks.Encode(type, x, bytes);
            var back = new float[32];
            GgmlBlocks.Decode(ggml, bytes, back);
            Assert.All(back, value => Assert.InRange(value, 0, 1e-6f));
        }
    }

    private static (float[] Elements, byte[] Bytes) Encode(GgufType type, int blockBytes)
    {
        var random = new Random(5);
        var x = new float[32 * Groups];
        for (var i = 0; i < x.Length; i++)
        {
            var magnitude = (float)Math.Pow(10, i / 32 % 9 - 4);
            x[i] = i / 32 % 50 == 49 ? 0 : magnitude * (random.NextSingle() - 0.5f);
        }
        var bytes = new byte[blockBytes * Groups];
        GgufBlocks.Encode(type, x, bytes);
        return (x, bytes);
    }
}
