using Coppice.Execution;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>Passes that are planned with a margin keep the bound in all but about one case in two hundred.</summary>
public sealed class BoundMarginTests
{
    [Theory, InlineData(0.02), InlineData(0.1), InlineData(0.2)]
    public void Fewer_than_one_pass_in_a_hundred_is_too_long(double spread)
    {
        var margin = new BoundMargin();
        var random = new Random(5);
        const int passes = 40000;
        var late = 0;
        for (var pass = 0; pass < passes; pass++)
        {
            // A sum of uniform numbers is near a normal one: mean 0, standard deviation 1.
            var noise = Enumerable.Range(0, 12).Sum(_ => random.NextDouble()) - 6;
            var taken = margin.Value * Math.Max(1 + spread * noise, 0.5);
            if (pass > passes / 10 && taken > 1) late++;
            margin.Observe(taken, 1);
        }
        Assert.InRange((double)late / passes, 0, 0.01);
        // The narrower the times, the more of the bound is used.
        Assert.InRange(margin.Value, 0.3, 1 / (1 + 1.8 * spread));
        Assert.True(margin.Value > 0.4);
    }

    [Fact]
    public void A_disturbed_pass_changes_nothing()
    {
        var margin = new BoundMargin();
        var before = margin.Value;
        for (var i = 0; i < 100; i++) margin.Observe(2.5, 1);
        Assert.Equal(before, margin.Value);
    }
}
