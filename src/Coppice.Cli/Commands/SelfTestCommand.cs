using System.CommandLine;
using Coppice.Cli.SelfTest;
using Coppice.Kernels;
using Coppice.Loading;

namespace Coppice.Cli.Commands;

/// <summary>`coppice selftest`: whether a device computes what it should, op by op, against double precision.</summary>
internal static class SelfTestCommand
{
    private static readonly Option<int?> Seconds = ModelArguments.Whole("--seconds", 0, 3600,
        "Time for each check, after which it begins no further case; 0 is one case of each [default: 5]");

    public static Command Create() => new Command("selftest",
        "Check every op and the shipped model on a device against double precision: for whoever doubts a driver")
    {
        ModelArguments.Device, ModelArguments.Threads, Seconds,
    }.Runs(Run);

    private static int Run(CommandContext context)
    {
        SelfTestResult? result = null;
        context.Interrupts.Run(cancellation => result = Check(context, cancellation));
        if (result is null) return ExitStatus.Interrupted;
        Report(context.Output, result);
        return result.Failed == 0 ? ExitStatus.Done : ExitStatus.Failed;
    }

    private static SelfTestResult Check(CommandContext context, CancellationToken cancellation)
    {
        var options = ModelArguments.DeviceOptions(context);
        var limit = TimeSpan.FromSeconds(context.Value(Seconds) ?? 5);
        var rows = new List<SelfTestRow>();
        string name;
        using (var backend = DeviceFactory.Create(options.Device, options.Threads, options.CpuTier))
        using (var bar = new ProgressBar("selftest", context.Output))
        {
            name = backend.Name;
            SelfTestCheck[] checks = [.. ProductChecks.All(backend), .. CacheChecks.All(), .. RowChecks.All()];
            foreach (var check in checks)
            {
                cancellation.ThrowIfCancellationRequested();
                rows.Add(Run(backend, check, limit));
                bar.Report(rows.Count, checks.Length + 1);
            }
        }
        rows.Add(ShippedModelCheck.Run(options, limit, cancellation));
        return new SelfTestResult(name, rows, rows.Count(row => !row.Ok));
    }

    private static SelfTestRow Run(Backend backend, SelfTestCheck check, TimeSpan limit)
    {
        using var operands = new Operands(backend);
        var outcome = new Outcome(limit);
        try
        {
            check.Run(operands, outcome);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or NotSupportedException)
        {
            outcome.Fail(error.Message);    // a device that refuses an op fails its check and no other
        }
        return outcome.Row(check.Name);
    }

    private static void Report(CommandOutput output, SelfTestResult result)
    {
        if (output.Json)
        {
            output.WriteJson(result, CliJson.Default.SelfTestResult);
            return;
        }
        if (output.ShowsTables) Tables.SelfTest(result.Checks);
        else foreach (var row in result.Checks) output.WriteLine(string.Join('\t', SelfTestColumns.Of(row)));
        var failed = result.Failed == 0 ? "all hold" : $"{result.Failed} failed";
        output.WriteLine($"{result.Device}: {result.Checks.Count} checks of {result.Checks.Sum(row => row.Cases)} cases, {failed}");
    }
}
