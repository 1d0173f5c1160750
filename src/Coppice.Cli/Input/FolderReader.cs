using System.Globalization;
using Coppice.Decoding;
using Coppice.Decoding.Sampling;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Text;
using Coppice.Text.Files;
using Coppice.Weights;

namespace Coppice.Cli;

/// <summary>Reads what `info` says of a folder, none of which needs its weights.</summary>
internal static class FolderReader
{
    /// <summary>Everything known of <paramref name="folder"/>.</summary>
    /// <exception cref="CheckpointException">A file is malformed, or there is neither a model nor a tokenizer.</exception>
    public static FolderInfo Read(string folder)
    {
        var (hasModel, hasTokenizer) = (File.Exists(Path.Combine(folder, "config.json")), TokenizerFolder.IsIn(folder));
        if (!hasModel && !hasTokenizer)
            throw new CheckpointException(
                $"{folder}: must hold config.json or tokenizer files ({TokenizerFolder.Names}), found neither{FolderHint.Of(folder)}.");
        var info = new FolderInfo { Folder = Path.GetFullPath(folder), Files = Files(folder) };
        if (hasTokenizer) info = With(info, Tokenizer.Load(folder));
        return hasModel ? With(info, ModelInfo.Read(folder)) with { Activations = Tuned(folder) } : info;
    }

    private static FileInfoRow[] Files(string folder) =>
        [.. new DirectoryInfo(folder).EnumerateFiles().Select(file => new FileInfoRow(file.Name, Length(file.FullName)))
            .OrderBy(file => file.Name, StringComparer.Ordinal)];

    /// <summary>Bytes of a file; 0 for a link that leads nowhere, which matters only if the file is needed.</summary>
    private static long Length(string path)
    {
        try
        {
            return CheckpointFile.Length(path);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static FolderInfo With(FolderInfo info, Tokenizer tokenizer) => info with
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

    private static FolderInfo With(FolderInfo info, ModelInfo model) => info with
    {
        Family = model.Family,
        ModelType = model.ModelType,
        Parameters = model.ParameterCount,
        Context = model.ContextLength,
        Vocabulary = model.VocabularySize,
        Layers = model.LayerCount,
        HiddenSize = model.HiddenSize,
        MlpSize = model.MlpSize,
        QueryHeads = model.QueryHeads,
        KvHeads = model.KvHeads,
        HeadDim = model.HeadDim,
        Experts = model.ExpertCount > 0 ? model.ExpertCount : null,
        ExpertsPerToken = model.ExpertCount > 0 ? model.ExpertsPerToken : null,
        TiedHead = model.HasTiedHead,
        EndTokenIds = model.EndTokenIds,
        Generation = Recommended(model.DefaultGeneration),
        Warnings = model.Warnings.Count > 0 ? model.Warnings : null,
        StoredTypes = model.StoredBytes.Count > 0
            ? [.. model.StoredBytes.OrderByDescending(type => type.Value).Select(type => type.Key)]
            : null,
        Bytes = new ModelBytes
        {
            Weights = model.WeightBytes.Count > 0
                ? ModelChoices.Weights.Supported.ToDictionary(choice => choice.Name, choice => model.WeightBytes[choice.Value])
                : null,
            Kv = ModelChoices.Kv.Supported.ToDictionary(choice => choice.Name, choice => Cache(model, choice.Value)),
        },
    };

    /// <summary>
    /// What `--activations auto` takes on this machine's CPU, for the formats of weights that `coppice tune` has measured.
    /// </summary>
    private static Dictionary<string, string>? Tuned(string folder)
    {
        if (!Checkpoint.IsIn(folder) || !Directory.Exists(ActivationChoices.DefaultFolder)) return null;
        using var checkpoint = Checkpoint.Open(folder);
        using var backend = DeviceFactory.Create("cpu", threads: 0);
        var tuned = new Dictionary<string, string>();
        foreach (var (name, format) in ModelChoices.Weights.Supported)
        {
            if (ActivationChoices.Find(folder, checkpoint, new WeightSettings(format), backend) is { } found)
                tuned.Add(name, ModelChoices.Activations.NameOf(found));
        }
        return tuned.Count > 0 ? tuned : null;
    }

    /// <summary>What a way to keep keys and values takes, beside F16.</summary>
    private static CacheBytes Cache(ModelInfo model, KvCacheOptions options)
    {
        var (context, plain) =
            (model.KvBytes(options, model.ContextLength), model.KvBytes(KvCacheOptions.Named("f16"), model.ContextLength));
        return new CacheBytes(model.KvTokenBytes(options), context, (double)context / plain);
    }

    /// <summary>What differs from the defaults.</summary>
    private static Dictionary<string, double>? Recommended(GenerationOptions model)
    {
        var usual = new GenerationOptions();
        (string Key, double Value, double Usual)[] all =
        [
            ("max_tokens", model.MaxTokens, usual.MaxTokens), ("min_tokens", model.MinTokens, usual.MinTokens),
            ("temperature", model.Temperature, usual.Temperature), ("top_k", model.TopK, usual.TopK), ("top_p", model.TopP, usual.TopP),
            ("min_p", model.MinP, usual.MinP), ("repetition_penalty", model.RepetitionPenalty, usual.RepetitionPenalty),
        ];
        var changed = all.Where(option => option.Value != option.Usual).ToDictionary(option => option.Key, option => Short(option.Value));
        return changed.Count > 0 ? changed : null;
    }

    /// <summary>The shortest number that is the same as a float: 0.9 and not 0.8999999761581421.</summary>
    private static double Short(double value)
    {
        var text = ((float)value).ToString(CultureInfo.InvariantCulture);
        return double.Parse(text, CultureInfo.InvariantCulture);
    }
}
