using Coppice.Models;
using Coppice.Text;
using Coppice.Text.Files;

namespace Coppice.Loading;

/// <summary>What a folder says of its model in everything but the weights.</summary>
internal sealed record ModelFolder(string Folder, ModelFamily Family, ModelSpec Spec, GenerationDefaults Defaults)
{
    /// <summary>The family's names of tensors.</summary>
    public TensorMap Map => Family.Map(Spec);

    /// <summary>Whether there is a tokenizer.</summary>
    public bool HasTokenizer => TokenizerFolder.IsIn(Folder);

    /// <summary>Reads config.json and generation_config.json of <paramref name="folder"/>.</summary>
    /// <exception cref="CheckpointException">A file is missing or malformed.</exception>
    /// <exception cref="UnsupportedModelException">No family reads the config.</exception>
    public static ModelFolder Read(string folder)
    {
        if (!Directory.Exists(folder)) throw new CheckpointException($"{folder}: a model folder must be there, found none.");
        var config = ConfigReader.Open(folder);
        var (family, spec) = ModelFamily.Read(config);
        return new ModelFolder(folder, family, spec, GenerationDefaults.Read(folder, config, spec));
    }

    /// <summary>The tokenizer, or null where the folder has none.</summary>
    /// <exception cref="CheckpointException">Its files are malformed, or it has more tokens than the model.</exception>
    public Tokenizer? LoadTokenizer() => HasTokenizer ? Tokenizer.Load(Folder) : null;
}
