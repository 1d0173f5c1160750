using Coppice.Conversion;
using Coppice.Tests.Support;
using Coppice.Weights.Gguf;

namespace Coppice.Tests.Conversion;

/// <summary>A small model with the tokenizer of weights/tiny, and a place to write to.</summary>
public sealed class GgufFolder : IDisposable
{
    internal const int Vocabulary = 4100, HeadDim = 16;

    private readonly TinyModel _model;

    public GgufFolder() : this("""{"model_type": "llama", SIZES, "tie_word_embeddings": false}""") { }

    internal GgufFolder(string config, int mlp = 96)
    {
        var sizes = $"\"vocab_size\": {Vocabulary}, \"hidden_size\": 64, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
            + $"\"head_dim\": {HeadDim}, "
            + $"\"intermediate_size\": {mlp}, \"num_hidden_layers\": 2, \"max_position_embeddings\": 256, \"eos_token_id\": 0";
        _model = new TinyModel(config.Replace("SIZES", sizes, StringComparison.Ordinal));
        foreach (var file in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.Copy(Path.Combine(SharedData.Repository, "weights", "tiny", file), Path.Combine(_model.Folder, file));
        Results = Directory.CreateTempSubdirectory("coppice-converted-").FullName;
    }

    /// <summary>The model's folder.</summary>
    public string Folder => _model.Folder;
    /// <summary>An empty folder.</summary>
    public string Results { get; }

    /// <summary>Converts the model, or the one in <paramref name="from"/>, to a path in it, which comes back.</summary>
    internal string Convert(string name, GgufType type, ConversionTarget target = ConversionTarget.Gguf, string? from = null)
    {
        ModelConverter.Convert(from ?? Folder, Result(name), target, type);
        return Result(name);
    }

    /// <summary>A path in it.</summary>
    public string Result(string name) => Path.Combine(Results, name);

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(Results, recursive: true);
    }
}
