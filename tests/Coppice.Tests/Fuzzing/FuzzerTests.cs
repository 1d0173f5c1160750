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
        var result = new Fuzzer(target, seed: 1).Run(Enough, 2_000_000);
        var finding = Assert.Single(result.Findings);
        Assert.StartsWith("BUGS", System.Text.Encoding.Latin1.GetString(finding.Input), StringComparison.Ordinal);
        Assert.Contains(nameof(IndexOutOfRangeException), finding.What, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Names))]
    public void A_seed_is_accepted_and_some_changes_do_no_harm(string name)
    {
        var target = Targets.All.Single(target => target.Name == name);
        var read = target.Prepare();
        Assert.Contains(target.Seeds, IsAccepted);
        var result = new Fuzzer(target, seed: 5).Run(Enough, 200);
        Assert.True(result.Findings.Count == 0, string.Join('\n', result.Findings.Select(finding => finding.What)));
        Assert.True(result.Outcomes > 1, "nothing was refused");

        bool IsAccepted(byte[] seed)
        {
            try
            {
                read(seed);
                return true;
            }
            catch (EngineException)
            {
                return false;       // some seeds lead to an error of their own
            }
        }
    }
}
