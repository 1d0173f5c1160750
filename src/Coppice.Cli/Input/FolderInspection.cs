using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Models;
using Coppice.Text;
using Coppice.Weights;

namespace Coppice.Cli;

/// <summary>Reads what a model's folder says without reading its weights.</summary>
internal static class FolderInspection
{
    /// <summary>Everything known of <paramref name="folder"/>; what it does not hold stays null.</summary>
    /// <exception cref="CheckpointException">A file is malformed, or there is neither a model nor a tokenizer.</exception>
    public static ModelInfo Read(string folder)
    {
        var info = new ModelInfo { Folder = Path.GetFullPath(folder), Files = Files(folder) };
        var hasConfig = File.Exists(Path.Combine(folder, "config.json"));
        if (info.Files.Any(file => file.Name == "tokenizer.json")) info = WithTokenizer(info, Tokenizer.Load(folder));
        else if (!hasConfig) throw new CheckpointException($"{folder}: must hold config.json or tokenizer.json, found neither.");
        return hasConfig ? WithModel(info, folder) : info;
    }

    private static FileInfoRow[] Files(string folder) =>
        [.. new DirectoryInfo(folder).EnumerateFiles().Select(file => new FileInfoRow(file.Name, file.Length)).OrderBy(file => file.Name, StringComparer.Ordinal)];

    private static ModelInfo WithTokenizer(ModelInfo info, Tokenizer tokenizer) => info with
    {
        Template = tokenizer.ChatTemplate,
        Tokenizer = new TokenizerInfo
        {
            Vocabulary = tokenizer.VocabularySize,
            Beginning = tokenizer.SpecialTokens.Beginning,
            End = tokenizer.SpecialTokens.End,
            Templates = [.. tokenizer.ChatTemplates.Keys],
        },
    };

    private static ModelInfo WithModel(ModelInfo info, string folder)
    {
        var model = ModelFolder.Read(folder);
        var (spec, map) = (model.Spec, model.Map);
        using var checkpoint = HasWeights(info) ? Checkpoint.Open(folder) : null;
        var plan = checkpoint is null ? WeightPlan.Build(spec, map) : WeightLoader.Plan(checkpoint, spec, map);
        return info with
        {
            Family = model.Family.Name,
            ModelType = spec.ModelType,
            Parameters = plan.ParameterCount,
            Context = spec.ContextLength,
            Vocabulary = spec.VocabularySize,
            Layers = spec.Layers.Count,
            HiddenSize = spec.HiddenSize,
            MlpSize = spec.MlpSize,
            QueryHeads = spec.QueryHeads,
            KvHeads = spec.KvHeads,
            HeadDim = spec.HeadDim,
            Experts = spec.Experts?.Count,
            ExpertsPerToken = spec.Experts?.PerToken,
            TiedHead = spec.TiedHead,
            EndTokenIds = model.Defaults.EndIds,
            StoredTypes = checkpoint is null ? null : StoredTypes(checkpoint),
            Bytes = new ModelBytes { Weights = checkpoint is null ? null : WeightBytes(checkpoint, plan), Kv = CacheBytes(spec) },
        };
    }

    private static bool HasWeights(ModelInfo info) => info.Files.Any(file => file.Name is "model.safetensors" or SafetensorsIndex.FileName);

    private static string[] StoredTypes(Checkpoint checkpoint) =>
    [
        .. checkpoint.Tensors.Values.GroupBy(tensor => tensor.Entry.Type).OrderByDescending(group => group.Sum(tensor => tensor.Entry.Bytes)).Select(group => group.Key.FileName()),
    ];

    private static Dictionary<string, long> WeightBytes(Checkpoint checkpoint, WeightPlan plan)
    {
        using var backend = DeviceFactory.Create("cpu", threads: 1);
        return ModelChoices.Weights.Supported.ToDictionary(choice => choice.Name, choice => WeightLoader.Bytes(backend, checkpoint, plan, new WeightSettings(choice.Value)));
    }

    private static Dictionary<string, CacheBytes> CacheBytes(ModelSpec spec) => ModelChoices.Kv.Supported.ToDictionary(choice => choice.Name, choice =>
    {
        var pages = new KvGeometry(spec.Layers.Count, spec.KvHeads, spec.HeadDim, choice.Value);
        return new CacheBytes(2L * spec.Layers.Count * spec.KvWidth * choice.Value.Size(), pages.Bytes(KvLayout.Pages(spec.ContextLength)));
    });
}
