using Coppice.Peers.Comparison;

namespace Coppice.Peers.Models;

/// <summary>The models of comparisons in the forms that the engines read; what is missing is made.</summary>
internal static class ModelFiles
{
    private const string Small = "SmolLM2-135M";

    /// <summary>The small model, where there is one, and the random one, which is made.</summary>
    public static List<PeerModel> All(Arguments arguments, string repository)
    {
        var models = new List<PeerModel>();
        if (arguments.Text("--small") is { } small)
            models.Add(new PeerModel(Small, small, Path.Combine(Folder(arguments), "smollm2-135m")));
        var random = Path.Combine(Folder(arguments), "random-1b");
        if (!Directory.Exists(random))
            RandomModel.Write(random, RandomModel.OneBillion, Path.Combine(repository, "weights", "tiny"), seed: 1);
        models.Add(new PeerModel("1B shape", random, random));
        foreach (var model in models) Convert(arguments, model);
        return models;
    }

    /// <summary>The model of --model, or the small one.</summary>
    /// <exception cref="ArgumentException">There is neither.</exception>
    public static PeerModel One(Arguments arguments)
    {
        var model = arguments.Text("--model") is { } folder
            ? new PeerModel(Name(folder), folder, Path.Combine(Folder(arguments), Name(folder)))
            : arguments.Text("--small") is { } small ? new PeerModel(Small, small, Path.Combine(Folder(arguments), "smollm2-135m"))
            : throw new ArgumentException("--model: must be given where SmolLM2-135M-Instruct is not found (COPPICE_SHARED).");
        Convert(arguments, model);
        return model;
    }

    /// <summary>What two builds are compared by: the model that ships and the small one, prompts for drafted text among it.</summary>
    public static IEnumerable<(string Name, IReadOnlyList<EngineRun> Runs)> Against(Arguments arguments, string repository,
        AgainstPlan plan)
    {
        var groups = new List<(string, IReadOnlyList<EngineRun>)>();
        var tiny = Path.Combine(repository, "weights", "tiny");
        Add("tiny", tiny, Path.Combine(repository, "bench", "Coppice.Bench", "Drafters", "documentation.jsonl"));
        if (arguments.Text("--small") is { } small) Add(Small, small, arguments.Text("--prompts"));
        return groups;

        void Add(string name, string folder, string? prompts)
        {
            groups.AddRange(plan.Speeds(name, folder));
            if (prompts is null || !File.Exists(prompts)) return;
            var lines = Path.Combine(Folder(arguments), $"prompts-{name}.jsonl");
            var classes = AgainstPlan.WritePrompts(prompts, lines);
            groups.Add(plan.Drafted(name, folder, lines, classes));
        }
    }

    private static string Folder(Arguments arguments) =>
        Directory.CreateDirectory(Path.Combine(arguments.Required("--cache"), "models")).FullName;

    private static string Name(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));

    private static void Convert(Arguments arguments, PeerModel model)
    {
        foreach (var type in (string[])["f16", "bf16", "q8_0", "q4_0"])
        {
            var path = $"{model.Gguf}-{type}.gguf";
            if (File.Exists(path)) continue;
            Programs.Run(arguments.Required("--coppice"), "convert", "--model", model.Folder, "--to", "gguf", "--type", type, path);
        }
        var mixed = $"{model.Gguf}-q4_k_m.gguf";
        if (!File.Exists(mixed))
            Programs.Run(Path.Combine(arguments.Required("--llama"), "llama-quantize"), $"{model.Gguf}-bf16.gguf", mixed, "Q4_K_M");
    }
}
