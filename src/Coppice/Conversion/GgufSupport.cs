using Coppice.Kernels;
using Coppice.Kernels.Numerics;
using Coppice.Loading;
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
            throw new UnsupportedModelException(
                $"config.json: model_type \"{spec.ModelType}\" is not written as GGUF by this version; families that are: {supported}.");
        }
        var differences = Differences(spec, folder.Map, architecture).ToArray();
        if (differences.Length == 0) return architecture;
        throw new UnsupportedModelException(
            $"config.json: to be written as GGUF architecture {architecture.Name} {string.Join("; ", differences)}.");
    }

    /// <summary>What must hold and does not.</summary>
    private static IEnumerable<string> Differences(ModelSpec spec, TensorMap map, GgufArchitecture architecture)
    {
        var rope = spec.Ropes.Count == 1 && spec.Layers.All(layer => layer.Rope == 0) ? spec.Ropes[0] : null;
        (bool Holds, string What)[] conditions =
        [
            (spec.Experts is null, "a model must be without experts"),
            (spec.Layers.All(layer => layer.Window == 0 || layer.Window >= spec.ContextLength),
                "layers must see the whole context (sliding_window)"),
            (rope is not null, "all layers must turn queries and keys alike"),
            (rope?.Scaling is null or RopeScaling.None or RopeScaling.Linear or RopeScaling.Llama3,
                "rope_type must be default, linear or llama3"),
            (rope is null || (rope.RotaryDim == spec.HeadDim && rope.Pairing == RopePairing.Half),
                "RoPE must turn whole heads, half against half"),
            (spec.QkNorm == architecture.QkNorm, "norms of queries and keys must be those of the architecture"),
            (architecture.OutputBias || !(spec.OutputBias || spec.MlpBias), "output and MLP projections must be without bias"),
            (!architecture.SquareAttention || spec.QueryWidth == spec.HiddenSize, "the heads together must be as wide as the hidden state"),
            (IsPlain(spec) && map is { NormOffset: 0, Transposed: false, OptionalPrefix: "" },
                "norms, activation, scales and caps must be the architecture's"),
        ];
        return conditions.Where(condition => !condition.Holds).Select(condition => condition.What);
    }

    private static bool IsPlain(ModelSpec spec) =>
        spec is { Norm: NormKind.Rms, Placement: NormPlacement.Before, GatedMlp: true, Activation: Activation.Silu }
        && spec is
        {
            HeadBias: false, LearnedPositions: 0, AttentionSoftCap: 0, LogitSoftCap: 0, LogitScale: 1, EmbeddingScale: 1, ResidualScale: 1,
        }
        && spec.AttentionScale == (float)(1 / Math.Sqrt(spec.HeadDim));
}
