using Coppice.Decoding.Sampling;
using Xunit;

namespace Coppice.Tests.Decoding;

public sealed class PhiloxTests
{
    /// <summary>Known answers that the generator's authors publish with Random123.</summary>
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u,
        0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u,
        0x24126ea1u)]
    public void Blocks_equal_the_published_answers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint x0, uint x1, uint x2,
        uint x3) =>
        Assert.Equal((x0, x1, x2, x3), Philox.Block((c0, c1, c2, c3), (k0, k1)));

    [Fact]
    public void Numbers_differ_by_seed_stream_position_and_counter_and_are_below_one()
    {
        var numbers = new HashSet<double>();
        for (var seed = 0ul; seed < 4; seed++)
            foreach (var stream in Enum.GetValues<RandomStream>())
                for (var position = 0; position < 50; position++)
                    for (var counter = 0; counter < 3; counter++)
                        Assert.True(numbers.Add(Philox.Uniform(seed << 40 | seed, stream, position, counter)));
        Assert.All(numbers, n => Assert.InRange(n, 0, 1 - double.Epsilon));
        Assert.InRange(numbers.Average(), 0.47, 0.53);
    }
}
