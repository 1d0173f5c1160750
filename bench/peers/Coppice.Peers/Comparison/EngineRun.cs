using System.ComponentModel;
using System.Diagnostics;

namespace Coppice.Peers.Comparison;

/// <summary>One call of an engine, which measures one or several tests once.</summary>
/// <param name="Engine">Whose speeds these are.</param>
/// <param name="Model">The model's short name.</param>
/// <param name="Format">The precision that the engines share: 16, q8 or q4.</param>
/// <param name="Setting">What the engine is told beyond that.</param>
/// <param name="Program">The program.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Tests">What it must measure.</param>
/// <param name="Read">Reads its output.</param>
internal sealed record EngineRun(
    string Engine, string Model, string Format, string Setting, string Program, IReadOnlyList<string> Arguments,
    IReadOnlyList<string> Tests, Func<string, IReadOnlyList<Measurement>> Read)
{
    /// <summary>Runs it: what it says of its tests, or why it could not run.</summary>
    public (IReadOnlyList<Measurement> Found, string? Error) Measure()
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
        var found = Read(output);
        var missed = Tests.Except(found.Select(measurement => measurement.Test)).ToArray();
        return missed.Length == 0 ? (found, null) : ([], $"{Path.GetFileName(Program)} gave no {string.Join(", ", missed)}");
    }
}
