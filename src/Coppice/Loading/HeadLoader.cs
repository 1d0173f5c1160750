using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Models;
using Coppice.Text;
using Coppice.Weights;

namespace Coppice.Loading;

/// <summary>Loads draft heads for a model that is loaded; one thread at a time.</summary>
/// <param name="backend">The model's device.</param>
/// <param name="folder">The model's folder.</param>
/// <param name="spec">The model.</param>
/// <param name="weights">Its weights.</param>
/// <param name="tokenizer">The tokenizer's fingerprint.</param>
internal sealed class HeadLoader(Backend backend, string folder, ModelSpec spec, ModelWeights weights, Func<byte[]> tokenizer)
{
    private readonly Dictionary<string, string?> _found = [];
    private byte[]? _fingerprint;

    /// <summary>What heads for this model say that they were made for: see <see cref="HeadFolder"/>. Read once.</summary>
    /// <exception cref="CheckpointException">The model's files have gone.</exception>
    public byte[] Fingerprint()
    {
        if (_fingerprint is not null) return _fingerprint;
        using var checkpoint = Checkpoint.Open(folder);
        return _fingerprint = HeadFolder.Fingerprint(tokenizer(), Stored(checkpoint, TensorRole.Embedding));
    }

    /// <summary>Where heads of <paramref name="kind"/> for this model are; null where there are none. Looked for once.</summary>
    public string? Find(string kind)
    {
        if (!_found.TryGetValue(kind, out var heads)) _found.Add(kind, heads = HeadFolder.Find(kind, folder, spec, Fingerprint));
        return heads;
    }

    /// <summary>Loads the heads of a folder.</summary>
    /// <param name="kind">Which kind they must be; null for any.</param>
    /// <param name="heads">The folder.</param>
    /// <param name="quantized">Whether they are kept in 8 bits.</param>
    /// <param name="positions">Tokens of the longest sequence.</param>
    /// <param name="gate">The model's.</param>
    /// <exception cref="CheckpointException">They are of another kind or for another model, or a file is malformed.</exception>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public DraftHeads Load(HeadKind? kind, string heads, bool quantized, int positions, Lock gate)
    {
        using var tensors = HeadTensors.Open(heads);
        var layout = HeadNames.Read(tensors);
        if (kind is not null && layout.Kind != kind)
            throw new CheckpointException($"{heads}: draft heads must be {kind}'s, found {layout.Kind}'s.");
        HeadFolder.Check(heads, spec, Fingerprint);
        using var checkpoint = Checkpoint.Open(folder);
        var stored = Stored(checkpoint, spec.TiedHead ? TensorRole.Embedding : TensorRole.Head);
        var tied = new TiedVocabulary(new HeadMatrix(weights.Head, weights.HeadBias), stored);
        var loaded = HeadWeights.Load(backend, spec, tensors, layout, tied, quantized);
        HeadRunner? runner = null;
        try
        {
            runner = new HeadRunner(backend, spec, loaded, weights.Embedding, gate);
            var prefix = layout.PrefixLayer is { } name ? LoadPrefix(tensors, name, quantized, positions, gate) : null;
            return new DraftHeads(runner, prefix);
        }
        catch
        {
            if (runner is not null) runner.Dispose();
            else loaded.Dispose();
            throw;
        }
    }

    private PrefixLayer LoadPrefix(HeadTensors tensors, string prefix, bool quantized, int positions, Lock gate)
    {
        var layer = PrefixLayer.SpecOf(spec);
        var map = ModelFolder.Read(folder).Map.Renamed(name => prefix + Inner(name));
        var plan = WeightPlan.Build(layer, map);
        plan.Matrices.RemoveAll(matrix => matrix.Use == MatrixUse.Vocabulary);
        CheckpointCheck.Run(tensors.Files, plan, map, layer);
        var settings = quantized
            ? new WeightSettings(WeightFormat.Q8, ActivationFormat.Int8)
            : new WeightSettings(WeightFormat.AsStored);
        var loaded = WeightLoader.Load(backend, tensors.Files, plan, settings, Environment.ProcessorCount);
        try
        {
            return new PrefixLayer(backend, layer, loaded, positions, gate);
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>A name from where the layers' begin: "layers.{layer}.mlp.up_proj" of "model.layers.{layer}.mlp.up_proj".</summary>
    private static string Inner(string name)
    {
        var layers = name.IndexOf("layers.", StringComparison.Ordinal);
        return layers >= 0 ? name[layers..] : name[(name.LastIndexOf('.') + 1)..];
    }

    private CheckpointTensor Stored(Checkpoint checkpoint, TensorRole role)
    {
        var (_, plan) = ModelFolder.Read(folder).Plan(checkpoint);
        return checkpoint.Tensors[plan.Map.Name(role) + ".weight"];
    }
}
