using Coppice.Models;
using Coppice.Text;
using Coppice.Text.Files;
using Coppice.Weights;

namespace Coppice.Loading;

/// <summary>What a model is loaded for.</summary>
internal enum ModelUse
{
    /// <summary>Whatever it can do, which is then asked.</summary>
    Any,
    /// <summary>Tokens of texts: a decoder.</summary>
    Text,
}

/// <summary>What a folder says of its model in everything but the weights.</summary>
internal sealed record ModelFolder(string Folder, ModelFamily Family, ModelSpec Spec, GenerationDefaults Defaults)
{
    private const string ConfigFile = "config.json";

    /// <summary>The family's names of tensors.</summary>
    public TensorMap Map => Family.Map(Spec);

    /// <summary>Whether there is a tokenizer.</summary>
    public bool HasTokenizer => TokenizerFolder.IsIn(Folder);

    /// <summary>What is odd in the folder and does not keep the model from loading, a sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>
    /// Reads config.json and generation_config.json of <paramref name="folder"/>, which may be a hub's cache of one model.
    /// </summary>
    /// <exception cref="CheckpointException">A file is missing or malformed.</exception>
    /// <exception cref="UnsupportedModelException">No family reads the config, or the model is not for that use.</exception>
    public static ModelFolder Read(string folder, ModelUse use = ModelUse.Any)
    {
        if (!Directory.Exists(folder)) throw new CheckpointException($"{folder}: a model folder must be there, found none.");
        folder = CheckpointFolder.Resolve(folder);
        if (!File.Exists(Path.Combine(folder, ConfigFile)))
            throw new CheckpointException($"{folder}: a model folder must hold {ConfigFile}, found none{FolderHint.Of(folder)}.");
        var config = ConfigReader.Open(folder, ConfigFile);
        var warnings = new List<string>();
        if (config.TextModel() is { } text && !ModelFamily.Reads(config))
        {
            var whole = CheckpointText.Quote(config.Default("model_type", "?"));
            warnings.Add($"config.json: of the model {whole} only the text model is loaded.");
            config = text;
        }
        var (family, spec) = ModelFamily.Read(config);
        if (use == ModelUse.Text && spec.IsEncoder)
            throw new UnsupportedModelException(
                $"config.json: model_type {CheckpointText.Quote(spec.ModelType)} is an encoder, which gives embeddings and no text (use "
                + "EmbeddingModel, or coppice embed).");
        var defaults = GenerationDefaults.Read(folder, config, spec);
        return new ModelFolder(folder, family, spec, defaults) { Warnings = [.. warnings, .. defaults.Warnings] };
    }

    /// <summary>The weights' plan, and this folder as the <paramref name="checkpoint"/> corrects it.</summary>
    /// <exception cref="CheckpointException">The checkpoint is not that of the model.</exception>
    /// <exception cref="UnsupportedModelException">The checkpoint is quantised.</exception>
    public (ModelFolder Folder, CheckpointPlan Plan) Plan(Checkpoint checkpoint)
    {
        var plan = CheckpointPlan.Of(checkpoint, Spec, Family.Map(Spec));
        return (this with { Spec = plan.Spec, Warnings = [.. Warnings, .. plan.Warnings] }, plan);
    }

    /// <summary>The tokenizer, or null where the folder has none.</summary>
    /// <exception cref="CheckpointException">Its files are malformed.</exception>
    public Tokenizer? LoadTokenizer() => HasTokenizer ? Tokenizer.Load(Folder) : null;
}
