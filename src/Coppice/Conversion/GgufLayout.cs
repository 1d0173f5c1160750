using Coppice.Loading;
using Coppice.Models;
using Coppice.Weights;
using Coppice.Weights.Gguf;

namespace Coppice.Conversion;

/// <summary>A tensor of the target and where its rows come from; a tensor without stored rows has the values themselves.</summary>
internal sealed record GgufSource(GgufTensor Tensor, StoredRows? Rows, float[]? Values = null);

/// <summary>The tensors of a GGUF file for a checkpoint: matrices in the wanted type, vectors in F32.</summary>
/// <remarks>Names are those of llama.cpp (gguf-py, tensor_mapping).</remarks>
internal sealed class GgufLayout
{
    private static readonly (TensorRole Role, string Name)[] Layer =
    [
        (TensorRole.AttentionNorm, "attn_norm"), (TensorRole.Query, "attn_q"), (TensorRole.Key, "attn_k"), (TensorRole.Value, "attn_v"),
        (TensorRole.QueryNorm, "attn_q_norm"), (TensorRole.KeyNorm, "attn_k_norm"), (TensorRole.Output, "attn_output"),
        (TensorRole.MlpNorm, "ffn_norm"), (TensorRole.Gate, "ffn_gate"), (TensorRole.Up, "ffn_up"), (TensorRole.Down, "ffn_down"),
    ];

    private readonly Checkpoint _checkpoint;
    private readonly ModelSpec _spec;
    private readonly TensorMap _map;
    private readonly GgufArchitecture _architecture;
    private readonly GgufType _type;
    private readonly Dictionary<string, WeightPart> _parts;
    private readonly List<GgufSource> _sources = [];

    private GgufLayout(Checkpoint checkpoint, ModelFolder folder, GgufArchitecture architecture, GgufType type)
    {
        var (_, plan) = folder.Plan(checkpoint);
        (_checkpoint, _spec, _map, _architecture, _type) = (checkpoint, plan.Spec, plan.Map, architecture, type);
        _parts = plan.Weights.Matrices.SelectMany(m => m.Parts).Concat(plan.Weights.Vectors.SelectMany(v => v.Parts))
            .ToDictionary(part => part.Name, StringComparer.Ordinal);
    }

    /// <summary>The tensors of the model in <paramref name="folder"/>, in the order in which they are written.</summary>
    /// <exception cref="CheckpointException">The checkpoint is not that of the model.</exception>
    /// <exception cref="ConversionException">A matrix has rows that are not whole groups of the type.</exception>
    public static IReadOnlyList<GgufSource> Of(Checkpoint checkpoint, ModelFolder folder, GgufArchitecture architecture, GgufType type)
    {
        var layout = new GgufLayout(checkpoint, folder, architecture, type);
        var (map, spec) = (layout._map, layout._spec);
        layout.Add("token_embd", map.Name(TensorRole.Embedding));
        layout.Add("output_norm", map.Name(TensorRole.FinalNorm));
        if (!spec.TiedHead) layout.Add("output", map.Name(TensorRole.Head));
        if (spec.Ropes[0].Scaling == RopeScaling.Llama3) layout.AddRopeFactors();
        for (var layer = 0; layer < spec.Layers.Count; layer++)
        {
            foreach (var (role, name) in Layer) layout.Add($"blk.{layer}.{name}", map.Name(role, layer), layout.Heads(role));
        }
        return layout._sources;
    }

    /// <summary>Heads whose rows are reordered: readers of this architecture turn neighbouring elements.</summary>
    private int Heads(TensorRole role) => !_architecture.NeighbouringPairs ? 0
        : role == TensorRole.Query ? _spec.QueryHeads : role == TensorRole.Key ? _spec.KvHeads : 0;

    private void Add(string name, string stored, int heads = 0)
    {
        foreach (var suffix in (string[])[".weight", ".bias"])
        {
            if (_parts.TryGetValue(stored + suffix, out var part)) Add(name + suffix, part, heads);
        }
    }

    private void Add(string name, WeightPart part, int heads)
    {
        var rows = new StoredRows(_checkpoint.Tensors[part.Name], part.Rows, part.Columns, heads);
        var vector = part.Columns == 1;
        if (!vector && part.Columns % _type.BlockElements() != 0)
            throw new ConversionException($"{rows.Label} must have rows of a multiple of {_type.BlockElements()} elements to be written as "
                + $"{_type.Name()}, found {part.Columns} (use f16, bf16 or f32).");
        var tensor = vector ? new GgufTensor(name, GgufType.F32, 0, part.Rows) : new GgufTensor(name, _type, part.Rows, part.Columns);
        _sources.Add(new GgufSource(tensor, rows));
    }

    /// <summary>Divisors of the angles: readers know the plain ones only.</summary>
    private void AddRopeFactors()
    {
        var rope = _spec.Ropes[0];
        var scaled = rope.Frequencies();
        var plain = (rope with { Scaling = RopeScaling.None }).Frequencies();
        float[] factors = [.. plain.Zip(scaled, (p, s) => (float)(p / s))];
        _sources.Add(new GgufSource(new GgufTensor("rope_freqs.weight", GgufType.F32, 0, factors.Length), null, factors));
    }
}
