using System.Text.Json;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice profile` as users call it.</summary>
public sealed class CliProfileTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    /// <summary>What the CPU says of the CUDA plan is what the GPU back end launches, op by op.</summary>
    [Fact]
    public void Launches_that_the_plan_counts_are_those_of_the_kernels()
    {
        var cpu = Profile("cpu", "--kv", "f16").Json;
        var gpu = Profile("ilgpu-cpu", "--kv", "f16").Json;
        var (planned, launched) = (Launches(cpu), Launches(gpu));
        Assert.Contains(planned, row => row.Key.StartsWith("decode-9 MatMulTopK 32 to 257", StringComparison.Ordinal));
        Assert.Equal(launched, planned);
        var total = planned.Where(row => row.Key.StartsWith("decode-", StringComparison.Ordinal)).Sum(row => row.Value);
        Assert.InRange(total!.Value, 10, 60);
        Assert.Equal(total, cpu.GetProperty("launches_per_token").GetInt32());
        Assert.Equal(total, gpu.GetProperty("launches_per_token").GetInt32());
        Assert.Equal(JsonValueKind.Null, Rows(gpu)[0].GetProperty("share_of_peak").ValueKind);
    }

    [Fact]
    public void Rows_have_times_bytes_and_a_share_of_the_peak()
    {
        var result = Profile("cpu").Json;
        Assert.StartsWith("cpu", result.GetProperty("device").GetString(), StringComparison.Ordinal);
        var rows = Rows(result);
        Assert.Equal(rows.Length, rows.Select(row => row.GetProperty("name").GetString()).Distinct().Count());
        foreach (var row in rows)
        {
            Assert.Equal(["GBps", "bytes", "calls", "launches", "ms", "name", "share_of_peak"],
                row.EnumerateObject().Select(property => property.Name).Order(StringComparer.Ordinal));
            Assert.True(row.GetProperty("calls").GetInt32() > 0);
            Assert.True(row.GetProperty("ms").GetDouble() >= 0);
        }
        // Two layers: one product of the fused queries, keys and values each, of 32 to 32 + 2 · 16 outputs in BF16 or F32.
        var product = Assert.Single(rows, row =>
            row.GetProperty("name").GetString()!.StartsWith("decode-9 MatMul 32 to 64", StringComparison.Ordinal));
        Assert.Equal(2, product.GetProperty("calls").GetInt32());
        Assert.InRange(product.GetProperty("bytes").GetInt64(), 2 * 32 * 64 * 2, 2 * 2 * 32 * 64 * 4);
        Assert.True(product.GetProperty("share_of_peak").GetDouble() > 0);
    }

    [Fact]
    public void A_compressed_cache_has_its_own_rows_and_no_launches_yet()
    {
        var result = Profile("cpu", "--kv", "gear4", "--prompt-tokens", "100").Json;
        Assert.Contains(Rows(result), row => row.GetProperty("name").GetString()!.EndsWith("compressed", StringComparison.Ordinal));
        Assert.Equal(JsonValueKind.Null, result.GetProperty("launches_per_token").ValueKind);
    }

    [Fact]
    public void Text_is_a_line_for_each_op_and_the_sum_of_each_pass()
    {
        var outcome = CliProcess.Run("profile", "--model", files.Model, "--device", "cpu", "--prompt-tokens", "9", "--rounds", "1");
        Assert.Equal(0, outcome.Status);
        Assert.Contains("launches a token", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("ms in ops", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_that_does_not_fit_is_refused()
    {
        var outcome = Profile("cpu", "--prompt-tokens", "127");
        Assert.Equal(1, outcome.Status);
        Assert.Contains($"need a context of 129, but it holds {CliModelFolder.Context} (raise --context)", outcome.OneError,
            StringComparison.Ordinal);
    }

    private static JsonElement[] Rows(JsonElement result) => [.. result.GetProperty("rows").EnumerateArray()];

    private static Dictionary<string, int?> Launches(JsonElement result) => Rows(result).ToDictionary(
        row => row.GetProperty("name").GetString()!,
        row => row.GetProperty("launches") is { ValueKind: JsonValueKind.Number } launches ? launches.GetInt32() : (int?)null);

    private CliOutcome Profile(string device, params string[] arguments) => CliProcess.Run(
        ["profile", "--model", files.Model, "--device", device, "--rounds", "2", "--json",
            .. arguments.Contains("--prompt-tokens") ? [] : (string[])["--prompt-tokens", "9"], .. arguments]);
}
