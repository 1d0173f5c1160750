using Coppice.Kernels;
using Coppice.Kernels.Numerics;
using Coppice.Models;

namespace Coppice.Conversion;

/// <summary>What a model must be for readers of GGUF files to compute the same with it.</summary>
internal static class GgufSupport
{
    /// <summary>The architecture under which the model in <paramref name="folder"/> is written.</summary>
    /// <exception cref="UnsupportedModelException">There is none, or the model differs from it; names every difference.</exception>
    public static GgufArchitecture Architecture(ModelFolder folder)
    {
        var spec = folder.Spec;
        if (folder.Family.Gguf?.Invoke(spec) is not { } architecture)
        {
            var supported = string.Join(", ", ModelFamily.All.Where(family => family.Gguf is not null).Select(family => family.Name));
            throw new UnsupportedModelException($"config.json: model_type \"{spec.ModelType}\" is not written as GGUF by this version; families that are: {supported}.");
        }
        var differences = Differences(spec, folder.Map, architecture).ToArray();
        if (differences.Length == 0) return architecture;
        throw new UnsupportedModelException($"config.json: to be written as GGUF architecture {architecture.Name} {string.Join("; ", differences)}.");
    }

    private static IEnumerable<string> Differences(ModelSpec spec, TensorMap map, GgufArchitecture architecture)
    {
        if (spec.Experts is not null) yield return "a model must be without experts";
        if (spec.Layers.Any(layer => layer.Window > 0 && layer.Window < spec.ContextLength)) yield return "layers must see the whole context (sliding_window)";
        if (spec.Layers.Any(layer => layer.Rope != 0) || spec.Ropes.Count != 1) yield return "all layers must turn queries and keys alike";
        else if (spec.Ropes[0].Scaling is not (RopeScaling.None or RopeScaling.Linear or RopeScaling.Llama3)) yield return "rope_type must be default, linear or llama3";
        else if (spec.Ropes[0] is not { Pairing: RopePairing.Half, AttentionFactor: 1 } rope || rope.RotaryDim != spec.HeadDim) yield return "RoPE must turn whole heads, half against half";
        if (spec.QkNorm != architecture.QkNorm) yield return "norms of queries and keys must be those of the architecture";
        if (!architecture.OutputBias && (spec.OutputBias || spec.MlpBias)) yield return "output and MLP projections must be without bias";
        if (architecture.SquareAttention && spec.QueryWidth != spec.HiddenSize) yield return "the heads together must be as wide as the hidden state";
        var plain = spec is
        {
            Norm: NormKind.Rms, Placement: NormPlacement.Before, GatedMlp: true, Activation: Activation.Silu, HeadBias: false, LearnedPositions: 0,
            AttentionSoftCap: 0, LogitSoftCap: 0, LogitScale: 1, EmbeddingScale: 1, ResidualScale: 1,
        };
        if (!plain || spec.AttentionScale != (float)(1 / Math.Sqrt(spec.HeadDim)) || map is not { NormOffset: 0, Transposed: false, OptionalPrefix: "" })
            yield return "norms, activation, scales and caps must be the architecture's";
    }
}
