namespace Coppice.Bench;

/// <summary>Marks benchmarks that need a model's folder; they are left out where --model names none.</summary>
public interface INeedsModel;

/// <summary>The model's folder.</summary>
internal static class BenchModel
{
    private const string Variable = "COPPICE_BENCH_MODEL";

    /// <summary>Set by --model; a benchmark in a process of its own finds it in the environment.</summary>
    public static string? Folder
    {
        get => Environment.GetEnvironmentVariable(Variable);
        set
        {
            if (value is not null) Environment.SetEnvironmentVariable(Variable, Path.GetFullPath(value));
        }
    }
}
