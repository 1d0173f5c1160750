using System.Globalization;
using Coppice.Text.Normalizers;
using Xunit;

namespace Coppice.Text.Tests;

public sealed class CharacterMapTests
{
    /// <summary>
    /// A character map looks at clusters. Characters that it takes one by one beside each other must be clusters of their own: each with
    /// each of a sample that has every block, at a distance that is no multiple of a block's length.
    /// </summary>
    [Fact]
    public void Characters_that_stand_alone_are_clusters_beside_each_other()
    {
        var alone = Enumerable.Range(0, 0x10000).Where(CharacterMap.StandsAlone.Holds).ToArray();
        Assert.InRange(alone.Length, 50_000, 64_000);
        var sample = alone.Where((letter, i) => i % 61 == 0 || letter < 0x80).ToArray();
        var broken = from first in sample
                     from second in sample
                     where StringInfo.GetNextTextElementLength($"{(char)first}{(char)second}") != 1
                     select $"U+{first:X4} U+{second:X4}";
        Assert.Empty(broken.Take(5));
    }

    [Theory]
    [InlineData('\r')]
    [InlineData('\u0301')]      // extends
    [InlineData('\u200D')]      // joins
    [InlineData('\u0E33')]      // belongs to what stands before it
    [InlineData('\u0600')]      // holds what follows
    [InlineData('\u1100')]      // letters of Hangul join
    [InlineData('\u1161')]
    [InlineData('\u11A8')]
    [InlineData('\uD83D')]
    public void What_joins_others_does_not_stand_alone(char letter) => Assert.False(CharacterMap.StandsAlone.Holds(letter));
}
