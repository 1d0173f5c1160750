namespace Coppice.Fuzz;

/// <summary>Every reader of files, patterns and templates that there is.</summary>
internal static class Targets
{
    /// <summary>All targets in the order in which they are run.</summary>
    public static IReadOnlyList<Target> All { get; } =
    [
        WeightTargets.Header, WeightTargets.Index, WeightTargets.Config, TextTargets.TokenizerJson, TextTargets.TokenizerConfig,
        TextTargets.SentencePiece, TextTargets.Template, TextTargets.Pattern, StateTargets.Datastore, StateTargets.NGrams,
        SessionTarget.Session,
    ];

    /// <summary>Texts as bytes.</summary>
    public static byte[][] Utf8(params string[] texts) => [.. texts.Select(Fuzzer.Utf8)];

    /// <summary>A file for inputs that are read by path: in memory where the system has such a folder.</summary>
    public static string NewFolder()
    {
        var memory = new DirectoryInfo(Path.Combine(Path.DirectorySeparatorChar.ToString(), "dev", "shm"));
        var parent = memory.Exists ? memory.FullName : Path.GetTempPath();
        var folder = Path.Combine(parent, $"coppice-fuzz-{Environment.ProcessId}-{Guid.NewGuid():N}");
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        };
        return Directory.CreateDirectory(folder).FullName;
    }
}
