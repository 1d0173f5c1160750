namespace Coppice.Cli;

/// <summary>What a device computed, against double precision.</summary>
/// <param name="Device">What computed.</param>
/// <param name="Checks">One for each op and element type, and one for each shipped model.</param>
/// <param name="Failed">How many of them failed.</param>
internal sealed record SelfTestResult(string Device, IReadOnlyList<SelfTestRow> Checks, int Failed);

/// <summary>One check.</summary>
/// <param name="Name">The op and what it was given: "matmul q4 int8".</param>
/// <param name="Cases">How many shapes or prompts it was run on, each twice.</param>
/// <param name="MaxError">The largest |actual - expected|; NaN where something that must be a number is none.</param>
/// <param name="Ok">Whether every case was within its tolerance and had the same bits both times.</param>
/// <param name="Problem">What was wrong first; null where nothing was.</param>
internal sealed record SelfTestRow(string Name, int Cases, double MaxError, bool Ok, string? Problem);
