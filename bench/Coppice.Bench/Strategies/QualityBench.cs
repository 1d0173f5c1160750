using System.Globalization;
using System.Text;

namespace Coppice.Bench.Strategies;

/// <summary>What strategies make of texts, where that can be measured here: a section for each in strategies-quality.md.</summary>
internal static class QualityBench
{
    private static readonly (string Name, Func<QualityModels, string> Run)[] Parts =
    [
        ("mirostat", SamplingQuality.Mirostat), ("switch", SamplingQuality.Switching), ("contrast", LabelQuality.Calibration),
        ("guide", GuideQuality.Run), ("planning", PlanningQuality.Run), ("pac", PacQuality.Run),
    ];

    /// <summary>
    /// `strategies quality --model DIR [--large DIR] [--small DIR] [--only NAME,...]`; large and small share a tokenizer.
    /// </summary>
    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        var repository = BenchResults.Repository() ?? ".";
        using var models = new QualityModels(
            folder, take("--large") ?? Path.Combine(repository, "weights", "tiny"),
            take("--small") ?? Path.Combine(repository, "weights", "draft"),
            Path.Combine(repository, "bench", "Coppice.Bench", "Strategies"));
        var only = take("--only")?.Split(',');
        var text = new StringBuilder("# What strategies make of texts\n\n");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"`coppice-bench strategies quality`, {models.Name}; where two models are needed {models.LargeName} and {models.SmallName} of "
            + $"weights/. Counts and scores: they do not depend on how busy the machine is.").AppendLine();
        foreach (var (name, run) in Parts)
        {
            if (only is not null && !only.Contains(name)) continue;
            var part = run(models);
            Console.WriteLine(part);
            text.AppendLine(part);
        }
        if (only is not null) return 0;
        File.WriteAllText(Path.Combine(repository, "bench", "results", "strategies-quality.md"), text.ToString().TrimEnd() + "\n");
        return 0;
    }
}

/// <summary>The models of one run, each loaded when it is first asked for.</summary>
internal sealed class QualityModels(string folder, string large, string small, string data) : IDisposable
{
    private readonly Dictionary<string, LanguageModel> _loaded = [];

    /// <summary>The main model.</summary>
    public LanguageModel Main => Load(folder);
    /// <summary>The larger one of a pair with one tokenizer.</summary>
    public LanguageModel Large => Load(large);
    /// <summary>The smaller one.</summary>
    public LanguageModel Small => Load(small);
    public string Name => NameOf(folder);
    public string LargeName => NameOf(large);
    public string SmallName => NameOf(small);

    /// <summary>A file of the bench.</summary>
    public string File(string name) => Path.Combine(data, name);

    public void Dispose()
    {
        foreach (var model in _loaded.Values) model.Dispose();
    }

    private static string NameOf(string path) => Path.GetFileName(Path.GetFullPath(path).TrimEnd('/'));

    private LanguageModel Load(string path) =>
        _loaded.TryGetValue(path, out var model) ? model
            : _loaded[path] = LanguageModel.Load(path, new ModelOptions { Device = "cpu", ContextLength = 1024 });
}
