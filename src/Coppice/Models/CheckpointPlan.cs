using Coppice.Weights;

namespace Coppice.Models;

/// <summary>A model as its checkpoint has it: what config.json says, corrected by what the files hold.</summary>
/// <param name="Spec">The spec; its head is untied where the file holds a head of its own.</param>
/// <param name="Map">The names of the tensors in the files.</param>
/// <param name="Weights">What is loaded.</param>
/// <param name="Warnings">What was corrected or is left out, a sentence each.</param>
internal sealed record CheckpointPlan(ModelSpec Spec, TensorMap Map, WeightPlan Weights, IReadOnlyList<string> Warnings)
{
    /// <summary>Plans the weights of <paramref name="checkpoint"/>, whose names, shapes and types are checked.</summary>
    /// <exception cref="CheckpointException">They are not those of the model.</exception>
    /// <exception cref="UnsupportedModelException">The checkpoint is quantised.</exception>
    public static CheckpointPlan Of(Checkpoint checkpoint, ModelSpec spec, TensorMap family)
    {
        var warnings = new List<string>(checkpoint.Warnings);
        var (map, prefix) = TensorNames.Locate(family, checkpoint, spec);
        if (prefix.Length > 0) warnings.Add($"checkpoint: the model's tensors begin with {CheckpointText.Quote(prefix)}.");
        if (spec.TiedHead && HasOwnHead(checkpoint, spec, map))
        {
            spec = spec with { TiedHead = false };
            warnings.Add(
                $"checkpoint: tensor {CheckpointText.Quote(HeadName(map))} differs from the embedding, so it is the head; config.json says "
                + "tie_word_embeddings true.");
        }
        var plan = WeightPlan.Build(spec, map);
        if (CheckpointCheck.Run(checkpoint, plan, map, spec) is { } left) warnings.Add(left);
        return new CheckpointPlan(spec, map, plan, warnings);
    }

    private static string HeadName(TensorMap map) => map.Name(TensorRole.Head) + ".weight";

    /// <summary>
    /// Whether the files hold a head with other bytes than the embedding. Reads both up to the first difference: all of them where a tied
    /// model was saved with a copy.
    /// </summary>
    private static bool HasOwnHead(Checkpoint checkpoint, ModelSpec spec, TensorMap map)
    {
        if (!map.Names.ContainsKey(TensorRole.Head) || !checkpoint.Tensors.TryGetValue(HeadName(map), out var head)) return false;
        if (!head.Entry.Shape.AsSpan().SequenceEqual([spec.VocabularySize, (long)spec.HiddenSize])) return false;
        if (!checkpoint.Tensors.TryGetValue(map.Name(TensorRole.Embedding) + ".weight", out var embedding)) return false;
        if (head.Entry.Type != embedding.Entry.Type || head.Entry.Bytes != embedding.Entry.Bytes) return true;
        const int chunk = 1 << 24;
        for (var offset = 0L; offset < head.Entry.Bytes; offset += chunk)
        {
            var count = (int)Math.Min(chunk, head.Entry.Bytes - offset);
            if (!head.Bytes(offset, count).SequenceEqual(embedding.Bytes(offset, count))) return true;
        }
        return false;
    }
}
