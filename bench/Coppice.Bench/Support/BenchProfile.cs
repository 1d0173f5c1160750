using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Coppice.Bench;

/// <summary>How long and how closely to measure.</summary>
internal sealed record BenchProfile(string Name, IConfig Config)
{
    /// <summary>Whether its tables are worth keeping.</summary>
    public bool IsKept => Name != "short";

    /// <summary>The profile called <paramref name="name"/>.</summary>
    public static BenchProfile Parse(string name) => name switch
    {
        // Enough to see that every benchmark runs and is right.
        "short" => new(name, Configure(InProcess(Job.Dry.WithWarmupCount(1).WithIterationCount(1)))),
        "standard" => new(name, Configure(InProcess(Job.Default.WithWarmupCount(4).WithIterationCount(12)))),
        // In a process of its own, with the machine code and the events of the collector.
        "analysis" => new(name, Configure(Job.Default).AddDiagnoser(new DisassemblyDiagnoser(new DisassemblyDiagnoserConfig(maxDepth: 3)))),
        _ => throw new ArgumentException($"--profile: must be short, standard or analysis, got {name}."),
    };

    private static Job InProcess(Job job) => job.WithToolchain(InProcessEmitToolchain.Instance);

    private static ManualConfig Configure(Job job) => ManualConfig.CreateEmpty()
        .AddJob(job)
        .AddColumnProvider(DefaultColumnProviders.Params, DefaultColumnProviders.Descriptor, DefaultColumnProviders.Statistics,
            DefaultColumnProviders.Metrics)
        .AddColumn(new RateColumn("GB/s", work => work.Bytes), new RateColumn("GFLOP/s", work => work.Flops))
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddExporter(MarkdownExporter.GitHub)
        .AddLogger(ConsoleLogger.Default)
        .WithOptions(ConfigOptions.Default);
}
