using System.Diagnostics;
using Coppice.Cli.Measuring;
using Xunit;

namespace Coppice.Tests.CommandLine;

/// <summary>What `bench --concurrency` asks of the engine, and what it makes of the times.</summary>
public sealed class ConcurrencyWorkTests
{
    [Fact]
    public void The_limit_is_the_formula_of_the_specification()
    {
        // 4 (100 + 50) / (400 / 800 + 50 · 0.01) = 600 / 1.
        Assert.Equal(600, new ConcurrencyWork(100, 50, 0).Limit(4, 800, 0.01), 9);
        // Of 400 tokens 60 are computed once: (60 + 4 · 40) / 880 = 0.25.
        Assert.Equal(800, new ConcurrencyWork(100, 50, 60).Limit(4, 880, 0.01), 9);
    }

    [Fact]
    public void Prompts_are_the_same_in_every_run_and_differ_from_their_first_token_on()
    {
        var work = new ConcurrencyWork(24, 2, 0);
        var prompts = Enumerable.Range(0, 3).SelectMany(measurement => work.Prompts(8, measurement, 50_000)).ToArray();
        Assert.Equal(prompts[..8], work.Prompts(8, 0, 50_000));
        Assert.Equal(24, prompts.Select(prompt => prompt[0]).Distinct().Count());
        Assert.All(prompts, prompt => Assert.Equal(24, prompt.Length));
        Assert.All(work.Prompts(8, 1, 7).SelectMany(prompt => prompt), id => Assert.InRange(id, 0, 6));
    }

    [Fact]
    public void A_shared_prefix_is_shared_within_a_measurement_only()
    {
        var work = new ConcurrencyWork(24, 2, 16);
        var first = work.Prompts(5, 0, 50_000);
        Assert.All(first, prompt => Assert.Equal(first[0][..16], prompt[..16]));
        Assert.Equal(5, first.Select(prompt => prompt[16]).Distinct().Count());
        Assert.NotEqual(first[0][0], work.Prompts(5, 1, 50_000)[0][0]);
    }

    [Fact]
    public void Times_count_from_the_common_beginning_and_between_tokens_of_one_request()
    {
        var second = Stopwatch.Frequency;
        var times = new RequestTimes(10 * second, [[11 * second, 12 * second, 15 * second], [13 * second, 13 * second, 14 * second]]);
        Assert.Equal(5, times.TotalSeconds, 9);
        Assert.Equal([1000, 3000], times.FirstTokenMilliseconds);
        Assert.Equal([1000, 3000, 0, 1000], times.BetweenTokensMilliseconds);
    }
}
