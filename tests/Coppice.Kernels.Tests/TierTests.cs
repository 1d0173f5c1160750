using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>
/// The suites of the CPU back end once more in child processes whose runtime may not use all of the processor, each of which checks that it
/// may not.
/// </summary>
public sealed partial class TierTests
{
    private const string Expected = "COPPICE_EXPECTED_TIER";
    private const int LimitSeconds = 240;

    /// <summary>Whether this process is one of the child processes.</summary>
    internal static bool IsChild { get; } = Environment.GetEnvironmentVariable(Expected) is not null;

    [Theory]
    [InlineData("DOTNET_EnableAVX512", CpuTier.Avx2)]
    [InlineData("DOTNET_EnableAVX2", CpuTier.Portable)]
    [InlineData("DOTNET_EnableHWIntrinsic", CpuTier.Portable)]
    public async Task Suites_pass_when_the_runtime_is_told_to_do_without(string setting, CpuTier widest)
    {
        if (IsChild) Assert.Skip("this is the child process");
        var tier = widest < SimdBackend.BestTier ? widest : SimdBackend.BestTier;
        // Thirteen suites and the check of the setting.
        await RunChild(
            $"{setting}=0", 14,
            ["-trait", $"{OpSuite.Settings}={OpSuite.Every}", "-class", $"*On{tier}", "-class", $"*.{nameof(TierTests)}"],
            (setting, "0"), (Expected, $"{tier} without {setting}"));
    }

    [Fact]
    public async Task Products_are_the_same_where_executable_memory_is_refused()
    {
        if (IsChild) Assert.Skip("this is the child process");
        if (!SimdBackend.IsSupported(CpuTier.Assembled)) Assert.Skip("this processor has no assembled kernels");
        await RunChild("refused memory", 14, ["-class", "*OnAssembled"], (RefusedMemory.Variable, "1"), (Expected, "none is checked"));
    }

    /// <summary>
    /// Runs tests of this program in a process of its own; none may fail, and none be skipped, for then it would not have run.
    /// </summary>
    private static async Task RunChild(string setting, int least, string[] tests, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[typeof(TierTests).Assembly.Location, "-noColor", .. tests]) start.ArgumentList.Add(argument);
        foreach (var (name, value) in variables) start.Environment[name] = value;
        using var child = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(LimitSeconds));
        string said;
        try
        {
            var errors = child.StandardError.ReadToEndAsync(limit.Token);
            said = await child.StandardOutput.ReadToEndAsync(limit.Token) + await errors;
            await child.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            child.Kill(entireProcessTree: true);
            throw new TimeoutException($"{setting}: not done after {LimitSeconds} s");
        }
        Assert.True(child.ExitCode == 0, $"{setting}: exit code {child.ExitCode}\n{said}");
        var summary = Summary().Match(said);
        Assert.True(summary.Success && int.Parse(summary.Groups["total"].Value) >= least && summary.Groups["skipped"].Value == "0", said);
    }

    [Fact, Trait(OpSuite.Settings, OpSuite.Every)]
    public void The_widest_tier_is_what_the_runtime_may_use()
    {
        var expected = Environment.GetEnvironmentVariable(Expected);
        if (expected is not null) Assert.StartsWith(SimdBackend.BestTier.ToString(), expected, StringComparison.Ordinal);
        var without = expected?.Split(' ')[^1] ?? "";
        if (without == "DOTNET_EnableAVX512") Assert.False(Vector512.IsHardwareAccelerated || Avx512F.IsSupported);
        if (without == "DOTNET_EnableAVX2") Assert.False(Vector256.IsHardwareAccelerated || Avx2.IsSupported);
        if (without == "DOTNET_EnableHWIntrinsic")
            Assert.False(Vector128.IsHardwareAccelerated || Vector256.IsHardwareAccelerated || Avx2.IsSupported);
        Assert.Equal(Avx512F.IsSupported && Vector512.IsHardwareAccelerated, SimdBackend.IsSupported(CpuTier.Avx512));
        Assert.Equal(Avx2.IsSupported && Fma.IsSupported && Vector256.IsHardwareAccelerated, SimdBackend.IsSupported(CpuTier.Avx2));
    }

    [Fact]
    public void A_tier_that_is_not_supported_is_refused_with_the_widest_there_is()
    {
        if (SimdBackend.IsSupported(CpuTier.Avx512)) Assert.Skip("every tier is supported here");
        var error = Assert.Throws<PlatformNotSupportedException>(() => SimdBackend.Create(1, CpuTier.Avx512));
        Assert.Equal($"cpu: tier Avx512 is not supported here, the widest is {SimdBackend.BestTier}.", error.Message);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1025)]
    public void An_absurd_number_of_threads_is_refused(int threads) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SimdBackend.Create(threads, CpuTier.Portable));

    [GeneratedRegex(@"Total: (?<total>\d+), Errors: 0, Failed: 0, Skipped: (?<skipped>\d+)")]
    private static partial Regex Summary();
}
