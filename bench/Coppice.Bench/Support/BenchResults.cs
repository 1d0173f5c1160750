using System.Globalization;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Reports;

namespace Coppice.Bench;

/// <summary>Keeps the tables of a run in bench/results, a folder for each kind of machine.</summary>
internal static class BenchResults
{
    /// <summary>Copies the summary's tables to bench/results/MACHINE/BENCHMARK.md.</summary>
    public static void Keep(Summary summary)
    {
        if (!Directory.Exists(summary.ResultsDirectoryPath) || Folder() is not { } folder) return;
        foreach (var type in summary.BenchmarksCases.Select(benchmark => benchmark.Descriptor.Type).Distinct())
        {
            var report = Path.Combine(summary.ResultsDirectoryPath, $"{type.FullName}-report-github.md");
            if (File.Exists(report)) File.Copy(report, Path.Combine(folder, type.Name + ".md"), overwrite: true);
        }
    }

    /// <summary>Name of the machine's folder; the processor's, where none was given.</summary>
    public static string? MachineName { get; set; }

    /// <summary>
    /// bench/results/MACHINE of the repository that the program stands in, made where it is missing; null where it stands in none.
    /// </summary>
    public static string? Folder() => Repository() is { } repository
        ? Directory.CreateDirectory(Path.Combine(repository, "bench", "results", MachineName ?? Machine())).FullName : null;

    /// <summary>"amd-epyc-2-threads".</summary>
    private static string Machine()
    {
        var words = Processor().ToLowerInvariant().Split([' ', '\t', '(', ')', '@', '/'], StringSplitOptions.RemoveEmptyEntries);
        return string.Create(CultureInfo.InvariantCulture, $"{string.Join('-', words)}-{Environment.ProcessorCount}-threads");
    }

    /// <summary>What the processor calls itself, or its architecture.</summary>
    public static string Processor()
    {
        const string file = "/proc/cpuinfo";
        var line = File.Exists(file)
            ? File.ReadLines(file).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    /// <summary>The repository that the program stands in.</summary>
    public static string? Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) return folder.FullName;
        return null;
    }
}
