using Coppice.Cli.SelfTest;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>A self-test can fail: on what is wrong, on NaN, on what is missing, and on what is not the same twice.</summary>
public sealed class SelfTestOutcomeTests
{
    private static readonly TimeSpan Long = TimeSpan.FromHours(1);

    [Fact]
    public void What_is_within_its_tolerance_holds_and_the_largest_error_is_kept()
    {
        var outcome = new Outcome(Long);
        outcome.Compare([1, -2], () => [1.25f, -2], 0.25);
        outcome.Compare([100], () => [101], 0, 0.01);
        var row = outcome.Row("x");
        Assert.Equal((2, 1.0, true), (row.Cases, row.MaxError, row.Ok));
    }

    [Theory]
    [InlineData(1.26f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_wrong_element_is_named(float actual)
    {
        var outcome = new Outcome(Long);
        outcome.Compare([0, 1], () => [0, actual], 0.25);
        var row = outcome.Row("x");
        Assert.False(row.Ok);
        Assert.Contains("case 1: element 1 is", row.Problem, StringComparison.Ordinal);
        Assert.Equal(float.IsNaN(actual), double.IsNaN(row.MaxError));
    }

    [Fact]
    public void Missing_elements_and_different_bits_fail()
    {
        var outcome = new Outcome(Long);
        outcome.Compare([0, 1], () => [0], 1);
        Assert.False(outcome.Row("x").Ok);
        var (turn, other) = (0f, new Outcome(Long));
        other.Compare([0], () => [turn++ / 8], 1);
        Assert.Contains("in one run", other.Row("x").Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_whose_time_is_over_has_run_one_case()
    {
        var outcome = new Outcome(TimeSpan.Zero);
        for (var i = 0; i < 3; i++) outcome.Compare([0], () => [0], 0);
        Assert.Equal(1, outcome.Cases);
    }

    [Fact]
    public void A_check_of_nothing_does_not_hold() => Assert.False(new Outcome(Long).Row("x").Ok);
}
