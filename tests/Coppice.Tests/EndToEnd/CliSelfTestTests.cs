using System.Text.Json;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice selftest` as users call it.</summary>
public sealed class CliSelfTestTests
{
    [Theory]
    [InlineData("cpu", 60)]
    [InlineData("ilgpu-cpu", 0)]        // one case of each, because it is slow
    public void Every_check_holds_on(string device, int seconds)
    {
        var outcome = CliProcess.Run("selftest", "--device", device, "--seconds", $"{seconds}", "--json");
        Assert.Equal(0, outcome.Status);
        var result = outcome.Json;
        Assert.Equal(0, result.GetProperty("failed").GetInt32());
        Assert.NotEmpty(result.GetProperty("device").GetString()!);
        var checks = result.GetProperty("checks").EnumerateArray().ToArray();
        Assert.True(checks.Length >= 75, $"{checks.Length} checks");
        Assert.Equal(checks.Length, checks.Select(Name).Distinct().Count());
        foreach (var check in checks)
        {
            Assert.True(check.GetProperty("ok").GetBoolean(), Name(check));
            Assert.True(check.GetProperty("cases").GetInt32() > 0, Name(check));
            Assert.True(check.GetProperty("max_error").GetDouble() >= 0, Name(check));
        }
        foreach (var format in (string[])["f32", "f16", "bf16", "q8", "q4"])
            Assert.Contains(checks, check => Name(check) == $"matmul {format}");
        foreach (var type in (string[])["f32", "f16", "bf16"])
            Assert.Contains(checks, check => Name(check) == $"attention {type} paged");
        // Rounding is seen, so what is compared is not compared with itself.
        Assert.True(checks.Single(check => Name(check) == "matmul f32").GetProperty("max_error").GetDouble() > 0);
        Assert.Contains(checks, check => Name(check) == "model tiny");
    }

    [Fact]
    public void Text_is_a_line_for_each_check_and_a_sum()
    {
        var outcome = CliProcess.Run("selftest", "--device", "cpu", "--threads", "2");
        Assert.Equal(0, outcome.Status);
        Assert.Contains("attention f16 dense\t6\t", outcome.Output, StringComparison.Ordinal);
        Assert.EndsWith("all hold\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_is_not_there_is_an_error()
    {
        var outcome = CliProcess.Run("selftest", "--device", "cuda:999");
        Assert.Equal(1, outcome.Status);
        Assert.StartsWith("coppice: device: cuda:999 cannot be used", outcome.OneError, StringComparison.Ordinal);
    }

    private static string Name(JsonElement check) => check.GetProperty("name").GetString()!;
}
