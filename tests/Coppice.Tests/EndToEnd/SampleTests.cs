using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>The samples that end by themselves, run as the README says.</summary>
public sealed class SampleTests
{
    private static readonly string Dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    [Fact]
    public void Tokens_are_counted_and_cut()
    {
        var lines = Run("TokenCount", Path.Combine(SharedData.Repository, "weights", "tiny"),
            "Gets or sets the name of the event.").Output.Split('\n');
        Assert.Matches("^[0-9]+ tokens$", lines[0]);
        var count = int.Parse(lines[0].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(count, 6, 20);
        Assert.Equal(count + 2, lines.Count(line => line.Length > 0));      // the count, a line each, and the cut
        Assert.StartsWith("5 tokens: Gets or sets", lines[count + 1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_box_offers_three_ways_to_go_on_with_different_beginnings()
    {
        var outcome = RunWith("Gets or sets the\nReturns the number of\n", "AutocompleteBox",
            Path.Combine(SharedData.Repository, "weights", "tiny"));
        var lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(8, lines.Length);
        Assert.Equal(["Gets or sets the", "Returns the number of"], [lines[0], lines[4]]);
        Assert.Equal(3, lines[1..4].Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]).Distinct().Count());
    }

    [Fact]
    public void Programs_are_planned_by_their_tests()
    {
        var lines = Run("PlanPrograms", Path.Combine(SharedData.Repository, "weights", "tiny"), "2").Output
            .Split('\n').Where(line => line.Contains(" of the tests by ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(6, lines.Length);
        Assert.All(lines, line => Assert.Matches("^[A-Za-z]+, (greedy|planning): [0-9]+", line));
    }

    [Fact]
    public void Every_stretch_of_typing_is_completed_or_given_up()
    {
        var lines = Run("Autocomplete", Path.Combine(SharedData.Repository, "weights", "tiny")).Output.Split('\n',
            StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(6, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("Gets", line, StringComparison.Ordinal));
        Assert.StartsWith("Gets or sets the name of|", lines[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("typed on", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Members_that_the_compiler_knows_are_chosen_from()
    {
        var lines = Run("CSharpMembers", Path.Combine(SharedData.Repository, "weights", "tiny"), "4").Output.Split('\n');
        var guided = lines.Where(line => line.StartsWith("    guided: ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(4, guided.Length);
        // The first four complete members of a string.
        Type[] known = [typeof(string), typeof(Enumerable), typeof(MemoryExtensions)];
        string Name(string line) => line["    guided: ".Length..].Split('(', '<', ';', ' ', '.', ',', '[')[0];
        Assert.All(guided, line => Assert.Contains(known, type => type.GetMember(Name(line)).Length > 0));
        Assert.Contains(lines, line => line.StartsWith("| members by Roslyn | 4 |", StringComparison.Ordinal));
    }

    private static CliOutcome Run(string sample, params string[] arguments) => RunWith("", sample, arguments);

    private static CliOutcome RunWith(string input, string sample, params string[] arguments)
    {
        var configuration = Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(CliProcess.Program)))!;
        var program = Path.Combine(SharedData.Repository, "samples", sample, "bin", configuration, "net10.0", sample + ".dll");
        Assert.SkipUnless(File.Exists(program), $"needs samples/{sample} built");
        var outcome = CliProcess.RunWith(input, "", Dotnet, [program, .. arguments]);
        Assert.True(outcome.Status == 0, outcome.Error);
        return outcome;
    }
}
