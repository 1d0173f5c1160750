using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Coppice.Peers.Comparison;

/// <summary>One call of an engine, which measures one or several tests once.</summary>
/// <param name="Engine">Whose speeds these are.</param>
/// <param name="Model">The model's short name.</param>
/// <param name="Format">The precision that the engines share: 16, q8 or q4.</param>
/// <param name="Setting">What the engine is told beyond that.</param>
/// <param name="Program">The program.</param>
/// <param name="Arguments">Its arguments.</param>
internal sealed record EngineRun(
    string Engine, string Model, string Format, string Setting, string Program, IReadOnlyList<string> Arguments)
{
    /// <summary>Which tests count in ratios.</summary>
    public Func<string, bool> Compared { get; init; } = static _ => true;

    /// <summary>The tests that the arguments ask for.</summary>
    public IEnumerable<string> Tests
    {
        get
        {
            if (Argument("--prefill", "-p") is { } prompt and not "0") yield return $"prefill-{prompt}";
            foreach (var depth in (Argument("--depth", "-d") ?? "0").Split(','))
            {
                if (Argument("--decode", "-n") is { } generated) yield return $"decode-{generated}@{depth}";
            }
        }
    }

    /// <summary>Runs it: tokens per second by test (prefill-TOKENS, decode-TOKENS@CONTEXT), or why it could not run.</summary>
    public (IReadOnlyList<(string Test, double Speed)> Speeds, string? Error) Measure()
    {
        var start = new ProcessStartInfo(Program, Arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process;
        try { process = Process.Start(start)!; }
        catch (Win32Exception missing) { return ([], missing.Message); }
        using var running = process;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            return ([], error.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault()
                ?? $"exit status {process.ExitCode}");
        using var document = JsonDocument.Parse(output);
        return ([.. Engine == Engines.Llama ? PeerRows(document.RootElement) : OwnRows(document.RootElement)], null);
    }

    /// <summary>The value behind an option, by its name in either engine.</summary>
    private string? Argument(params ReadOnlySpan<string> names)
    {
        for (var i = 0; i + 1 < Arguments.Count; i++)
            if (names.Contains(Arguments[i])) return Arguments[i + 1];
        return null;
    }

    /// <summary>Rows of `coppice bench`, which pytorch.py imitates.</summary>
    private static IEnumerable<(string, double)> OwnRows(JsonElement result) =>
        result.GetProperty("rows").EnumerateArray()
            .Select(row => (row.GetProperty("name").GetString()!, row.GetProperty("tokens_per_s").GetDouble()));

    /// <summary>Rows of `llama-bench`.</summary>
    private static IEnumerable<(string, double)> PeerRows(JsonElement result)
    {
        foreach (var row in result.EnumerateArray())
        {
            var (prompt, generated, depth) = (Number(row, "n_prompt"), Number(row, "n_gen"), Number(row, "n_depth"));
            yield return (generated > 0 ? Decode(generated, depth) : $"prefill-{prompt}", row.GetProperty("avg_ts").GetDouble());
        }
    }

    private static string Decode(int tokens, int depth) => string.Create(CultureInfo.InvariantCulture, $"decode-{tokens}@{depth}");

    private static int Number(JsonElement row, string key) => row.GetProperty(key).GetInt32();
}
