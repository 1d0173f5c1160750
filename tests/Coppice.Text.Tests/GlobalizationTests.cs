using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Coppice.Text.Unicode;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>
/// Ids and texts are the same on every host. This project runs in invariant globalization mode; here its whole suite runs again in a
/// process with ICU and in a Turkish culture, where an I has no dot in small letters.
/// </summary>
public sealed partial class GlobalizationTests(ITestOutputHelper output)
{
    private const string Again = "COPPICE_TEXT_SUITE_WITH_ICU";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private static bool IsAgain => Environment.GetEnvironmentVariable(Again) is not null;

    [Fact]
    public void The_suite_runs_in_the_mode_that_was_asked_for()
    {
        Assert.Equal("-1.5 minus1,5", FormattableString.Invariant($"{-1.5} ") + (-1.5).ToString(CultureInfo.CurrentCulture));
        AppContext.TryGetSwitch("System.Globalization.Invariant", out var invariant);
        Assert.Equal(!IsAgain, invariant);
        Assert.Equal(IsAgain ? "\u0131" : "i", "I".ToLower(CultureInfo.CurrentCulture));
    }

    /// <summary>The table's casing is the runtime's own where the runtime does not ask ICU.</summary>
    [Fact]
    public void Casing_is_that_of_invariant_mode()
    {
        if (IsAgain) Assert.Skip("is for invariant mode");
        // The table is of Unicode 16; a runtime of a later version may know more letters, and changes none.
        for (var letter = 0; letter < 0x110000; letter++)
        {
            if (!System.Text.Rune.TryCreate(letter, out var rune)) continue;
            var (upper, lower) = (SimpleCase.ToUpper(letter), SimpleCase.ToLower(letter));
            if (upper != letter) Assert.Equal(System.Text.Rune.ToUpperInvariant(rune).Value, upper);
            if (lower != letter) Assert.Equal(System.Text.Rune.ToLowerInvariant(rune).Value, lower);
        }
        Assert.Equal('\u00C9', SimpleCase.ToUpper('\u00E9'));
        Assert.Equal(0x10400, SimpleCase.ToUpper(0x10428));
    }

    [Fact]
    public async Task The_whole_suite_holds_with_ICU()
    {
        if (IsAgain) Assert.Skip("the suite is already running with ICU");
        var folder = Directory.CreateTempSubdirectory("coppice-icu-");
        try
        {
            var (status, text) = await Run(ConfigurationWithIcu(folder.FullName), TestContext.Current.CancellationToken);
            if (text.Contains("Couldn't find a valid ICU package", StringComparison.Ordinal))
                Assert.Skip("needs ICU, which this machine does not have");
            var totals = Totals().Match(text);
            output.WriteLine(totals.Success ? totals.Value : text);
            Assert.True(status == 0 && totals.Success, text);
            Assert.True(int.Parse(totals.Groups[1].Value, CultureInfo.InvariantCulture) > 500, totals.Value);
            Assert.Equal("0", totals.Groups[2].Value);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string ConfigurationWithIcu(string folder)
    {
        var configuration = JsonNode.Parse(File.ReadAllText(Path.ChangeExtension(Assembly, ".runtimeconfig.json")))!;
        configuration["runtimeOptions"]!["configProperties"]!["System.Globalization.Invariant"] = false;
        configuration["runtimeOptions"]!["configProperties"]!["System.Globalization.PredefinedCulturesOnly"] = false;
        var file = Path.Combine(folder, "icu.runtimeconfig.json");
        File.WriteAllText(file, configuration.ToJsonString());
        return file;
    }

    private static string Assembly => typeof(GlobalizationTests).Assembly.Location;

    private static async Task<(int Status, string Text)> Run(string configuration, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "exec", "--runtimeconfig", configuration, "--depsfile", Path.ChangeExtension(Assembly, ".deps.json"), Assembly,
                "-noLogo", "-noColor",
            },
            Environment = { [Again] = "1", ["LANG"] = "tr_TR.UTF-8", ["LC_ALL"] = "tr_TR.UTF-8" },
        };
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Longest);
        try
        {
            var text = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await text + await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    [GeneratedRegex(@"Total: (\d+), Errors: 0, Failed: (\d+), Skipped: \d+.*")]
    private static partial Regex Totals();
}
