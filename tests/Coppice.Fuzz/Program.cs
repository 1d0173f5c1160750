using System.Globalization;
using System.Security.Cryptography;
using Coppice.Fuzz;

// usage: Coppice.Fuzz MINUTES [TARGET...]
// Every target for its share of the time, on one thread. Findings are written to the folder "findings", and the status is 1.
if (args.Length == 0 || !double.TryParse(args[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var minutes))
{
    var names = string.Join(", ", Targets.All.Select(target => target.Name));
    Console.Error.WriteLine($"usage: Coppice.Fuzz MINUTES [TARGET...]; targets: {names}");
    return 2;
}
Target[] chosen = [.. Targets.All.Where(target => args.Length == 1 || args.Skip(1).Contains(target.Name))];
var seed = Environment.TickCount;
var folder = Directory.CreateDirectory("findings").FullName;
using var last = new LastInput(Path.Combine(folder, "last-input.bin"));
Console.WriteLine($"seed {seed}");
Console.WriteLine("| target | executions | a second | kinds of outcome | findings |");
Console.WriteLine("|---|--:|--:|--:|--:|");
var failed = false;
foreach (var target in chosen)
{
    var result = new Fuzzer(target, seed).Run(TimeSpan.FromMinutes(minutes / chosen.Length), current: last.Set);
    var rate = result.Executions / result.Time.TotalSeconds;
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
