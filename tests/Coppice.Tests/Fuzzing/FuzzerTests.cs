using Coppice.Fuzz;
using Xunit;

namespace Coppice.Tests.Fuzzing;

/// <summary>The fuzzer finds what there is to find, and its targets begin with inputs that are good.</summary>
public sealed class FuzzerTests
{
    private static readonly TimeSpan Enough = TimeSpan.FromMinutes(1);

    public static TheoryData<string> Names => [.. Targets.All.Select(target => target.Name)];

    /// <summary>Four letters in a row, each with an error of its own before it: chance alone would need 2^32 inputs.</summary>
    [Fact]
    public void A_planted_fault_is_found_step_by_step()
    {
        var target = new Target("planted", Targets.Utf8("____"), [], () => input =>
        {
            for (var i = 0; i < 4; i++)
            {
                if (input.Length <= i || input[i] != "BUGS"[i]) throw new CheckpointException($"stopped at {(char)('a' + i)} step");
            }
            _ = "BUGS"[input.Length + 4];       // the fault: past the end
        });
        var result = new Fuzzer(target, seed: 1).Run(Enough, 2_000_000, stop: TestContext.Current.CancellationToken);
        var finding = Assert.Single(result.Findings);
        Assert.StartsWith("BUGS", System.Text.Encoding.Latin1.GetString(finding.Input), StringComparison.Ordinal);
        Assert.Contains(nameof(IndexOutOfRangeException), finding.What, StringComparison.Ordinal);
    }

    /// <summary>
    /// Names that changes make up must not be kinds: each would keep its input, and inputs that lead nowhere crowd out others.
    /// </summary>
    [Theory]
    [InlineData("a.json: tensor \"w\": shape must be a list, found 3", "a.json: tensor \"x\"y\": shape must be a list, found {}")]
    [InlineData("a.json: must be JSON: 'a' is an invalid JSON literal. Expected",
        "a.json: must be JSON: 'tru'e' is an invalid JSON literal.")]
    [InlineData("the property \\p{L} in a pattern", "the property \\p{[[:x]} in a pattern")]
    [InlineData("must be JSON: 'aaaaaaaaaaa' is an inv...", "must be JSON: 'aaaaaaaaa' is an invalid...")]
    [InlineData("tokens must be below 32, found 99.", "tokens must be below 31, found 100.")]
    public void Errors_of_one_kind_are_one_kind(string message, string other) => Assert.Equal(Fuzzer.Kind(message), Fuzzer.Kind(other));

    [Fact]
    public void Errors_of_different_rules_are_different_kinds() => Assert.NotEqual(
        Fuzzer.Kind("a.json: tensor \"w\": shape must be a list, found 3"),
            Fuzzer.Kind("a.json: tensor \"w\": dtype must be a text, found 3"));

    /// <summary>A process that was stopped for a while, as on a shared machine, has found nothing.</summary>
    [Fact]
    public void An_input_that_only_waited_is_no_finding()
    {
        var waits = true;
        var target = new Target("waits", Targets.Utf8("_"), [], () => _ =>
        {
            if (waits) Thread.Sleep(TimeSpan.FromSeconds(5.2));
            waits = false;
        });
        Assert.Empty(new Fuzzer(target, seed: 1).Run(Enough, 2, stop: TestContext.Current.CancellationToken).Findings);
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_seed_is_accepted_and_some_changes_do_no_harm(string name)
    {
        var target = Targets.All.Single(target => target.Name == name);
        var read = target.Prepare();
        foreach (var seed in target.Seeds) read(seed);
        var result = new Fuzzer(target, seed: 5).Run(Enough, 200, stop: TestContext.Current.CancellationToken);
        Assert.True(result.Findings.Count == 0, string.Join('\n', result.Findings.Select(finding => finding.What)));
        Assert.True(result.Outcomes > 1, "nothing was refused");
    }
}
