using System.Text.Json;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Text.Unicode;
using Coppice.Weights;

namespace Coppice.Tests.EndToEnd;

/// <summary>
/// A model made on the spot: two Llama layers of random weights over an alphabet of bytes, and a folder for files of the tests.
/// </summary>
/// <remarks>Any byte may follow any other, so its texts are full of broken characters: the hard case for streaming.</remarks>
public sealed class CliModelFolder : IDisposable
{
    /// <summary>Tokens that fit the model: its learned context.</summary>
    public const int Context = 128;
    private const string End = "<|end|>";

    /// <summary>Makes the folder.</summary>
    public CliModelFolder()
    {
        Folder = Directory.CreateTempSubdirectory("coppice-cli-").FullName;
        Model = Directory.CreateDirectory(Path.Combine(Folder, "model")).FullName;
        WriteJson("config.json", new
        {
            model_type = "llama",
            vocab_size = 257,
            hidden_size = 32,
            intermediate_size = 48,
            num_hidden_layers = 2,
            num_attention_heads = 4,
            num_key_value_heads = 2,
            max_position_embeddings = Context,
            rms_norm_eps = 1e-5,
            rope_theta = 10000.0,
            hidden_act = "silu",
            tie_word_embeddings = true,
            eos_token_id = 256,
        });
        WriteTokenizer();
        WriteWeights();
    }

    /// <summary>Where files of a test may go.</summary>
    public string Folder { get; }
    /// <summary>The model's folder.</summary>
    public string Model { get; }

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>A copy of the model, to be spoilt.</summary>
    public string Copy(string name)
    {
        var copy = Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;
        foreach (var file in Directory.EnumerateFiles(Model)) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void WriteTokenizer()
    {
        var vocabulary = Enumerable.Range(0, 256).ToDictionary(value => ByteAlphabet.Letter((byte)value).ToString(), value => value);
        WriteJson("tokenizer.json", new
        {
            version = "1.0",
            added_tokens = new[] { new { id = 256, content = End, single_word = false, lstrip = false, rstrip = false, normalized = false,
                special = true } },
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true },
            decoder = new { type = "ByteLevel", add_prefix_space = true, trim_offsets = true, use_regex = true },
            model = new { type = "BPE", vocab = vocabulary, merges = Array.Empty<string>() },
        });
        WriteJson("tokenizer_config.json", new
        {
            eos_token = End,
            chat_template = "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt "
                + "%}a:{% endif %}",
        });
    }

    private void WriteWeights()
    {
        var model = ModelFolder.Read(Model);
        var plan = WeightPlan.Build(model.Spec, model.Map);
        var tensors = plan.Matrices.SelectMany(matrix => matrix.Parts)
            .Select(part => (part.Name, SafetensorsType.F32, new long[] { part.Rows, part.Columns }))
            .Concat(plan.Vectors.SelectMany(vector => vector.Parts)
                .Select(part => (part.Name, SafetensorsType.F32, new long[] { part.Rows }))).ToArray();
        var random = new Random(20260517);
        using var writer = new SafetensorsWriter(Path.Combine(Model, "model.safetensors"), tensors);
        foreach (var (_, _, shape) in tensors)
        {
            var matrix = shape.Length == 2;
            var values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
            for (var i = 0; i < values.Length; i++) values[i] = matrix ? (random.NextSingle() - 0.5f) * 4 / MathF.Sqrt(shape[1]) : 1;
            writer.Write<float>(values);
        }
        writer.Complete();
    }

    private void WriteJson(string name, object value) => File.WriteAllText(Path.Combine(Model, name), JsonSerializer.Serialize(value));
}
