using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Coppice.Weights;

namespace Coppice.Tests.Support;

/// <summary>
/// A folder with draft heads of random weights for a <see cref="TinyModel"/> of Llama's kind, under the names of a published layout; the
/// weights are the same whatever the layout. Deleted at the end.
/// </summary>
internal sealed class TinyHeads : IDisposable
{
    private readonly List<(string Name, SafetensorsType Type, long[] Shape, byte[] Bytes)> _tensors = [];
    private const string FirstLayer = "model.layers.0.";

    private readonly int _width, _vocabulary;
    private readonly Dictionary<string, long[]> _layer;     // shapes of the model's, which the prefix layer has too

    /// <summary>Writes heads.</summary>
    /// <param name="layout">One of <see cref="Medusa"/> or <see cref="Hydra"/>.</param>
    /// <param name="model">The model that they are for; its vocabulary matrix is theirs too.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="blocks">Blocks of each.</param>
    /// <param name="scale">Of the random weights; 0 for heads that pass the state on.</param>
    public TinyHeads(string layout, TinyModel model, int heads = 3, int blocks = 2, double scale = 0.5)
    {
        Folder = Directory.CreateTempSubdirectory("coppice-heads-").FullName;
        using (var file = SafetensorsFile.Open(model.WeightsPath))
        {
            var head = file.Tensors["lm_head.weight"];
            (_vocabulary, _width) = ((int)head.Shape[0], (int)head.Shape[1]);
            Head = MemoryMarshal.Cast<byte, float>(file.Bytes(head)).ToArray();
            _layer = file.Tensors.Values.Where(tensor => tensor.Name.StartsWith(FirstLayer, StringComparison.Ordinal))
                .ToDictionary(tensor => tensor.Name[FirstLayer.Length..], tensor => tensor.Shape);
        }
        (Heads, Blocks, Scale) = (heads, blocks, scale);
        if (layout.StartsWith("hydra", StringComparison.Ordinal)) AddHydra(layout);
        else AddMedusa(layout);
        Write();
    }

    /// <summary>Layouts of Medusa's heads.</summary>
    public static string[] Medusa { get; } = ["v1", "v2", "full", "vllm", "vllm-shared", "vllm-prefixed", "vllm-mapped"];
    /// <summary>Layouts of Hydra's heads; the last has a prefix layer.</summary>
    public static string[] Hydra { get; } = ["hydra", "hydra-tied", "hydra-dropout", "hydra++"];

    public string Folder { get; }
    public int Heads { get; }
    public int Blocks { get; }
    public double Scale { get; }
    /// <summary>The model's vocabulary matrix, [vocabulary, hidden].</summary>
    public float[] Head { get; }
    public string Path => System.IO.Path.Combine(Folder, "heads.safetensors");

    /// <summary>The weights that have this role: "head 1 block 0 weight".</summary>
    public float[] Values(string role, params int[] shape)
    {
        var seed = Encoding.UTF8.GetBytes(role).Aggregate(17, (hash, value) => unchecked(hash * 31 + value));
        var random = new Random(seed);
        var values = new float[shape.Aggregate(1, (a, b) => a * b)];
        var norm = role.Contains("norm", StringComparison.Ordinal);
        for (var i = 0; i < values.Length; i++)
        {
            var noise = (2 * random.NextDouble() - 1) * Scale * (shape.Length == 2 ? 1.7 / Math.Sqrt(shape[1]) : 1);
            values[i] = (float)(noise + (norm ? 1 : 0));
        }
        // Hydra's first block passes the state on and adds to it.
        if (role.EndsWith("residual weight", StringComparison.Ordinal))
            for (var i = 0; i < shape[0]; i++) values[i * shape[1] + i] += 1;
        return values;
    }

    /// <summary>Adds or replaces a tensor.</summary>
    public void Add(string name, SafetensorsType type, long[] shape, byte[] bytes)
    {
        _tensors.RemoveAll(tensor => tensor.Name == name);
        _tensors.Add((name, type, shape, bytes));
    }

    /// <summary>Takes tensors out whose names <paramref name="chosen"/> chooses.</summary>
    public void Remove(Predicate<string> chosen) => _tensors.RemoveAll(tensor => chosen(tensor.Name));

    /// <summary>Adds or replaces a tensor of F32.</summary>
    public void Add(string name, float[] values, params long[] shape) =>
        Add(name, SafetensorsType.F32, shape, MemoryMarshal.AsBytes<float>(values).ToArray());

    /// <summary>Writes the file anew.</summary>
    public void Write()
    {
        using var writer = new SafetensorsWriter(Path, [.. _tensors.Select(tensor => (tensor.Name, tensor.Type, tensor.Shape))]);
        foreach (var tensor in _tensors) writer.Write<byte>(tensor.Bytes);
        writer.Complete();
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void AddMedusa(string layout)
    {
        var vllm = layout.StartsWith("vllm", StringComparison.Ordinal);
        var prefix = layout switch { "full" => "medusa_head.", "vllm-prefixed" => "medusa_heads.", _ => "" };
        for (var head = 0; head < Heads; head++)
        {
            for (var block = 0; block < Blocks; block++)
            {
                var name = prefix + (vllm ? $"blocks.{head}.layers.{block}" : $"{head}.{block}.linear");
                AddLinear(name, $"head {head} block {block}", _width, _width);
            }
            if (layout is "v1" or "full") AddVocabulary($"{prefix}{head}.{Blocks}.weight");
            if (layout is "vllm" or "vllm-prefixed") AddVocabulary($"{prefix}lm_heads.{head}.weight");
        }
        if (layout is "vllm-shared" or "vllm-mapped") AddVocabulary("lm_head.weight");
        if (layout == "full") Add("model.norm.weight", new float[_width], _width);       // of the model itself
        if (layout != "vllm-mapped") return;
        // Rows in another order, of which the map tells the tokens.
        var order = Enumerable.Range(0, _vocabulary).Select(row => (long)(row * 5 % _vocabulary)).ToArray();
        Add("lm_head.weight", [.. order.SelectMany(token => Head.AsSpan((int)token * _width, _width).ToArray())], _vocabulary, _width);
        Add("token_map", SafetensorsType.I64, [_vocabulary], MemoryMarshal.AsBytes<long>(order).ToArray());
    }

    private void AddHydra(string layout)
    {
        var shifted = layout is "hydra-dropout" or "hydra++";
        for (var head = 0; head < Heads; head++)
        {
            var first = $"hydra_mlp.{head}.{(shifted ? 1 : 0)}";
            AddLinear(first + ".res_connection", $"head {head} residual", _width, (head + 2) * _width);
            AddLinear(first + ".linear", $"head {head} gate", _width, (head + 2) * _width);
            // Blocks 1 … are one module listed several times.
            for (var block = 1; block < Blocks; block++)
                AddLinear(
                    string.Create(CultureInfo.InvariantCulture, $"hydra_mlp.{head}.{(shifted ? 2 * block + 1 : block)}.linear"),
                    $"head {head} block", _width, _width);
            if (layout is "hydra" or "hydra-dropout")
            {
                var name = $"hydra_lm_head.{head}{(shifted ? ".1" : "")}";
                AddVocabulary(name + ".weight");
                Add(name + ".bias", new float[_vocabulary], _vocabulary);
            }
        }
        Add("input_embed_fn.weight", new float[_vocabulary * _width], _vocabulary, _width);
        if (layout == "hydra++") AddPrefix();
    }

    private void AddPrefix()
    {
        const string prefix = "prefix_embeding_layer.";
        foreach (var (name, shape) in _layer.Where(tensor => tensor.Value.Length == 2))
        {
            var role = "prefix " + name[..^".weight".Length];
            Add($"{prefix}layers.0.{name}", Values(role, (int)shape[0], (int)shape[1]), shape);
        }
        foreach (var name in (string[])["layers.0.input_layernorm", "layers.0.post_attention_layernorm", "norm"])
            Add($"{prefix}{name}.weight", Values("prefix " + name, _width), _width);
        Add(prefix + "embed_tokens.weight", new float[_vocabulary * _width], _vocabulary, _width);
    }

    private void AddLinear(string name, string role, int rows, int columns)
    {
        Add(name + ".weight", Values(role + " weight", rows, columns), rows, columns);
        Add(name + ".bias", Values(role + " bias", rows), rows);
    }

    private void AddVocabulary(string name) => Add(name, Head, _vocabulary, _width);
}
