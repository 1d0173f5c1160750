using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coppice.Fuzz;

// usage: Coppice.Fuzz MINUTES [--executions N] [TARGET...]
// Every target for its share of the time, or until N inputs of it are done, on one thread. Findings are written to the folder "findings",
// and the status is 1. Where it is told to end, it says what it has done.
if (args.Length == 0 || !double.TryParse(args[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var minutes)) return Usage();
var names = args.Skip(1).ToList();
var executions = long.MaxValue;
if (names.IndexOf("--executions") is >= 0 and var at)
{
    if (at + 1 == names.Count || !long.TryParse(names[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out executions))
        return Usage();
    names.RemoveRange(at, 2);
}
if (names.Exists(name => Targets.All.All(target => target.Name != name))) return Usage();
Target[] chosen = [.. Targets.All.Where(target => names.Count == 0 || names.Contains(target.Name))];
var seed = Environment.TickCount;
var folder = Directory.CreateDirectory("findings").FullName;
using var last = new LastInput(Path.Combine(folder, $"last-input-{Environment.ProcessId}.bin"));
using var stop = new CancellationTokenSource();
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
Console.WriteLine($"seed {seed}");
Console.WriteLine("| target | executions | a CPU second | kinds of outcome | findings |");
Console.WriteLine("|---|--:|--:|--:|--:|");
var failed = false;
foreach (var target in chosen)
{
    if (stop.IsCancellationRequested) break;
    var before = Environment.CpuUsage.TotalTime;
    var result = new Fuzzer(target, seed).Run(TimeSpan.FromMinutes(minutes / chosen.Length), executions, last.Set, stop.Token);
    var rate = result.Executions / (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    Console.WriteLine(FormattableString.Invariant(
        $"| {result.Target} | {result.Executions:N0} | {rate:N0} | {result.Outcomes} | {result.Findings.Count} |"));
    foreach (var finding in result.Findings)
    {
        failed = true;
        var name = $"{target.Name}-{Convert.ToHexStringLower(SHA256.HashData(finding.Input))[..12]}";
        File.WriteAllBytes(Path.Combine(folder, name), finding.Input);
        File.WriteAllText(Path.Combine(folder, name + ".txt"), finding.What);
        Console.Error.WriteLine($"{name}: {finding.What}");
    }
}
return failed ? 1 : 0;

void End(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}

static int Usage()
{
    var known = string.Join(", ", Targets.All.Select(target => target.Name));
    Console.Error.WriteLine($"usage: Coppice.Fuzz MINUTES [--executions N] [TARGET...]; targets: {known}");
    return 2;
}
