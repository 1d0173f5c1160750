using System.Text.Json.Nodes;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Tests.Support;

/// <summary>A folder with a small model of random weights, made from a config alone; deleted at the end.</summary>
internal sealed class TinyModel : IDisposable
{
    /// <summary>Llama with grouped heads, 2 layers, 96 tokens.</summary>
    public const string Llama = """
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 80,
         "num_hidden_layers": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "eos_token_id": 1}
        """;

    public TinyModel(string config = Llama, int seed = 1, Func<string, string>? rename = null)
    {
        Folder = Directory.CreateTempSubdirectory("coppice-tiny-").FullName;
        File.WriteAllText(Path.Combine(Folder, "config.json"), config);
        var (family, spec) = ModelFamily.Read(ConfigReader.Parse(config));
        var plan = WeightPlan.Build(spec, family.Map(spec));
        var parts = plan.Matrices.SelectMany(m => m.Parts).Concat(plan.Vectors.SelectMany(v => v.Parts)).ToList();
        Tensors = [.. parts.Select(p => (rename is null ? p.Name : rename(p.Name), SafetensorsType.F32, Shape(p)))];
        Write(seed);
    }

    public string Folder { get; }
    public List<(string Name, SafetensorsType Type, long[] Shape)> Tensors { get; }
    public string WeightsPath => Path.Combine(Folder, "model.safetensors");

    /// <summary>Loads it on the CPU.</summary>
    public LanguageModel Load(ModelOptions? options = null) =>
        LanguageModel.Load(Folder, options ?? new ModelOptions { Device = "cpu", ContextLength = 128 });

    /// <summary>Writes the weights: matrices scaled so that activations stay near 1, norms near 1, the rest small.</summary>
    /// <param name="seed">Of the random numbers.</param>
    /// <param name="round">Changes the elements of matrices.</param>
    /// <param name="roundRow">Changes the rows of matrices.</param>
    /// <param name="noise">Standard deviations that are added from other numbers: a model that resembles the one without.</param>
    public void Write(int seed = 1, Func<float, float>? round = null, Action<Span<float>>? roundRow = null, double noise = 0)
    {
        var (random, other) = (new Random(seed), new Random(seed + 1));
        using var writer = new SafetensorsWriter(WeightsPath, Tensors);
        foreach (var (name, type, shape) in Tensors)
        {
            var norm = name.Contains("norm", StringComparison.OrdinalIgnoreCase) || name.Contains("ln_", StringComparison.Ordinal);
            var scale = shape.Length == 2 ? 2 / Math.Sqrt(shape[^1]) : 0.3;
            var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
            for (var i = 0; i < values.Length; i++)
                values[i] = (float)((norm && name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0)
                    + scale * (Normal(random) + (noise > 0 ? noise * Normal(other) : 0)));
            if (shape.Length == 2 && round is not null) values = [.. values.Select(round)];
            for (var row = 0; shape.Length == 2 && roundRow is not null && row < shape[0]; row++)
                roundRow(values.AsSpan(row * (int)shape[1], (int)shape[1]));
            if (type == SafetensorsType.F32) writer.Write<float>(values);
            else writer.Write<byte>(new byte[values.Length * type.Bytes()]);
        }
        writer.Complete();
    }

    /// <summary>The same model without the layers from <paramref name="layers"/> on; belongs to the caller.</summary>
    public TinyModel FirstLayers(int layers)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "config.json")))!.AsObject();
        config[config.ContainsKey("n_layer") ? "n_layer" : "num_hidden_layers"] = layers;
        var shorter = new TinyModel(config.ToJsonString());
        using var whole = SafetensorsFile.Open(WeightsPath);
        using var writer = new SafetensorsWriter(shorter.WeightsPath, shorter.Tensors);
        foreach (var (name, _, _) in shorter.Tensors) writer.Write(whole.Bytes(whole.Tensors[name]));
        writer.Complete();
        return shorter;
    }

    /// <summary>Tokens that the model knows, the same for the same seed.</summary>
    public static int[] Prompt(int length, int seed = 7, int vocabulary = 96)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(2, vocabulary))];
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static long[] Shape(WeightPart part) =>
        part.Columns == 1 ? [part.Rows] : part.Transposed ? [part.Columns, part.Rows] : [part.Rows, part.Columns];

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
