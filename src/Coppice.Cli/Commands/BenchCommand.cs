using System.CommandLine;
using System.Diagnostics;
using System.Runtime;
using Coppice.Cli.Measuring;
using Coppice.Execution;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Cli.Commands;

/// <summary>`coppice bench`: speeds of a model beside those of the machine, measured in the same run.</summary>
internal static class BenchCommand
{
    private static readonly string[] Suites = ["all", "decode", "prefill"];
    private static readonly int[] Contexts = [64, 512, 2048], Prompts = [64, 512], Texts = [16, 64, 256];
    private const int Steps = 8;
    /// <summary>Longer than the runtime waits until it compiles a method anew.</summary>
    private static readonly TimeSpan CompilerDelay = TimeSpan.FromMilliseconds(250), LongestWarmUp = TimeSpan.FromSeconds(2);

    private static readonly Option<string> Suite = new("--suite")
    {
        Description = "Which rows to measure",
        HelpName = string.Join('|', Suites),
        DefaultValueFactory = _ => Suites[0],
    };

    private static readonly Option<int?> Rounds =
        ModelArguments.Whole("--rounds", 1, 1000, "Rounds, each of which measures every row once; the median counts [default: 5]");

    private static readonly Option<int?> Prefill = ModelArguments.Whole(
        "--prefill", 1, 1 << 20, "Measure a prompt of N tokens instead of the suite");
    private static readonly Option<int?> Decode = ModelArguments.Whole(
        "--decode", 1, 1 << 20, "Measure N tokens one after the other instead of the suite");
    private static readonly Option<int?> Depth = ModelArguments.Whole(
        "--depth", 0, 1 << 20, "Tokens that stand before those of --decode [default: 0]");

    public static Command Create()
    {
        Suite.AcceptOnly(Suites);
        return new Command("bench", "Measure decode and prefill speed, and how near they come to what the machine can do")
            { Suite, Rounds, Prefill, Decode, Depth }.WithConcurrency().WithModel().Runs(Run);
    }

    private static int Run(CommandContext context)
    {
        if (context.Has(Suite) && (context.Has(Prefill) || context.Has(Decode)))
            throw context.Usage("--suite and rows of your own exclude each other");
        if (context.Has(Depth) && !context.Has(Decode)) throw context.Usage("--depth is for --decode");
        var concurrency = ConcurrencyArguments.Read(context, Suite, Prefill, Decode);
        if (ModelFolder.Read(ModelFolders.Require(context.Value(ModelArguments.Model)!)).Spec.IsEncoder)
            return RunEncoder(context, concurrency);
        using var loaded = ModelArguments.Load(context);
        var model = loaded.Model;
        using var passes = concurrency is null ? null : Passes(concurrency, model);
        var rows = concurrency?.Rows(model, passes!, context.Output.Detail) ?? Chosen(context, model)
            ?? Rows(context.Value(Suite)!, model);
        return Run(context, model, rows);
    }

    /// <summary>An encoder has no tokens to generate: texts of several lengths are measured.</summary>
    private static int RunEncoder(CommandContext context, ConcurrencyPlan? concurrency)
    {
        if (concurrency is not null || context.Has(Suite) || context.Has(Prefill) || context.Has(Decode))
            throw context.Usage("an encoder generates nothing: --suite, --prefill, --decode and --concurrency are not for it");
        using var model = EmbedCommand.Load(context, new EmbeddingOptions());
        return Run(context, model.Model,
            [.. Texts.Where(tokens => tokens <= model.MaxTokens).Select(tokens => new EmbedRow(model, tokens))]);
    }

    private static int Run(CommandContext context, LanguageModel model, IReadOnlyList<IMeasuredRow> rows)
    {
        var threads = DeviceFactory.CpuThreads(model.Backend)
            ?? throw new CommandException($"bench: measures the limits of a CPU, but the device is {model.DeviceName} (use --device cpu).");
        BenchResult? result = null;
        try
        {
            context.Interrupts.Run(cancellation => result = Measure(context, model, threads, rows, cancellation));
        }
        finally
        {
            foreach (var row in rows) row.Dispose();
        }
        if (result is null) return ExitStatus.Interrupted;
        Report(context.Output, result);
        return ExitStatus.Done;
    }

    private static SharedPasses Passes(ConcurrencyPlan plan, LanguageModel model) =>
        plan.Tokens <= model.ContextLength ? new SharedPasses(model, plan.Tokens) : throw TooLong(plan.Tokens, model);

    private static CommandException TooLong(int needed, LanguageModel model) =>
        new($"bench: these rows need a context of {needed}, but it holds {model.ContextLength} (raise --context).");

    /// <summary>The rows that the user described, or null where there are none.</summary>
    private static List<IMeasuredRow>? Chosen(CommandContext context, LanguageModel model)
    {
        var (prefill, decode, depth) = (context.Value(Prefill), context.Value(Decode), context.Value(Depth) ?? 0);
        if (prefill is null && decode is null) return null;
        var needed = Math.Max(prefill + 2 ?? 0, depth + decode + 1 ?? 0);
        if (needed > model.ContextLength) throw TooLong(needed, model);
        var rows = new List<IMeasuredRow>();
        if (prefill is { } tokens) rows.Add(new PrefillRow(model, tokens));
        if (decode is { } steps) rows.Add(new DecodeRow(model, $"decode-{steps}@{depth}", depth, steps));
        return rows;
    }

    /// <summary>The rows that fit the model's context.</summary>
    private static List<IMeasuredRow> Rows(string suite, LanguageModel model)
    {
        var rows = new List<IMeasuredRow>();
        if (suite is "all" or "decode")
        {
            var contexts = Contexts.Where(context => context + 16 <= model.ContextLength);
            rows.AddRange(contexts.Select(context => new DecodeRow(model, $"decode-{context}", context, Steps)));
        }
        if (suite is "all" or "prefill")
            rows.AddRange(Prompts.Where(tokens => tokens + 2 <= model.ContextLength).Select(tokens => new PrefillRow(model, tokens)));
        if (rows.Count > 0) return rows;
        throw new CommandException(
            $"bench: a context of {model.ContextLength} tokens holds none of the rows (raise --context to {Prompts[0] + 16}).");
    }

    /// <summary>
    /// Rounds of all rows in turn, so that a slow moment of the machine touches all of them; the machine's limits are rows like the others.
    /// </summary>
    private static BenchResult Measure(CommandContext context, LanguageModel model, int threads, IReadOnlyList<IMeasuredRow> rows,
        CancellationToken cancellation)
    {
        using var limits = new MachineLimits(model.Backend, threads);
        using var bar = new ProgressBar("bench", context.Output);
        var (reads, multiplications) = (new List<double>(), new List<double>());
        var rounds = context.Value(Rounds) ?? 5;
        foreach (var row in rows) WarmUp(row, cancellation);
        limits.ReadGigabytesPerSecond();
        limits.FmaGigaflops();
        for (var round = 0; round < rounds; round++)
        {
            reads.Add(limits.ReadGigabytesPerSecond());
            multiplications.Add(limits.FmaGigaflops());
            for (var i = 0; i < rows.Count; i++)
            {
                rows[i].Measure(counted: true, cancellation);
                bar.Report(round * rows.Count + i + 1, rounds * rows.Count);
            }
        }
        var machine = new MachineSpeed(MachineLimits.Processor, threads, SpeedRow.Median(reads), SpeedRow.Median(multiplications));
        var work = new ModelWork(model.Spec, model.WeightBytes, model.Options.KvCache);
        return new BenchResult(machine, [.. rows.Select(row => row.Result(work, machine))]);
    }

    /// <summary>
    /// Runs <paramref name="row"/> uncounted until the runtime has compiled its methods anew, as it does a while after they were called
    /// often: its thread would take a processor from those that are measured.
    /// </summary>
    private static void WarmUp(IMeasuredRow row, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        var (quiet, methods) = (start, JitInfo.GetCompiledMethodCount());
        do
        {
            row.Measure(counted: false, cancellation);
            if (methods == JitInfo.GetCompiledMethodCount()) continue;
            (quiet, methods) = (Stopwatch.GetTimestamp(), JitInfo.GetCompiledMethodCount());
        }
        while (Stopwatch.GetElapsedTime(quiet) < CompilerDelay && Stopwatch.GetElapsedTime(start) < LongestWarmUp);
    }

    private static void Report(CommandOutput output, BenchResult result)
    {
        var machine = result.Machine;
        if (output.Json)
        {
            output.WriteJson(result, CliJson.Default.BenchResult);
            return;
        }
        output.WriteLine(
            $"{machine.Cpu}, {machine.Threads} threads: reads {Quantity.Number(machine.ReadGigabytes)} GB/s, computes "
            + $"{Quantity.Number(machine.FmaGigaflops)} GFLOP/s");
        output.Flush();
        if (output.ShowsTables) Tables.Speeds(result.Rows);
        else
        {
            var columns = BenchColumns.Of(result.Rows);
            foreach (var row in result.Rows) output.WriteLine(string.Join('\t', columns.Select(column => column.InWords(row))));
        }
    }
}
