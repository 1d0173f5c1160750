using Coppice.Weights;

namespace Coppice.Models;

/// <summary>Compares a checkpoint with a plan in both directions, before any memory is asked for.</summary>
internal static class CheckpointCheck
{
    private const int MaxProblems = 8, NamedInWarnings = 3;

    /// <summary>Every planned tensor is there with its shape and a type the engine computes with.</summary>
    /// <returns>A sentence about stored tensors that are neither planned nor known to carry nothing; null where there are none.</returns>
    /// <exception cref="CheckpointException">Otherwise; names the first few problems.</exception>
    /// <exception cref="UnsupportedModelException">The tensors that are left are those of a quantised checkpoint.</exception>
    public static string? Run(Checkpoint checkpoint, WeightPlan plan, TensorMap map, ModelSpec spec)
    {
        var problems = new List<string>();
        var planned = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in plan.Matrices.SelectMany(m => m.Parts).Concat(plan.Vectors.SelectMany(v => v.Parts)))
        {
            planned.Add(part.Name);
            if (checkpoint.Tensors.TryGetValue(part.Name, out var tensor)) CheckTensor(problems, tensor, part);
            else
            {
                checkpoint.RefuseMissingShards();
                problems.Add($"tensor \"{part.Name}\" must be in the checkpoint, found none");
            }
        }
        // Some files keep a copy.
        if (spec.TiedHead && map.Names.ContainsKey(TensorRole.Head)) planned.Add(map.Name(TensorRole.Head) + ".weight");
        CheckpointTensor[] left = [.. checkpoint.Tensors.Values.Where(t => !planned.Contains(t.Entry.Name) && !map.Ignores(t.Entry.Name))
            .OrderBy(t => t.Entry.Name, StringComparer.Ordinal)];
        Quantization.Refuse(left);
        if (problems.Count == 0) return LeftOut(left, spec);
        // A tensor without a role may be a missing one under another name.
        foreach (var tensor in left) problems.Add($"{tensor.Label} {tensor.Entry.ShapeText} has no role in family {spec.ModelType}");
        var more = problems.Count > MaxProblems ? $"; and {problems.Count - MaxProblems} more" : "";
        throw new CheckpointException($"checkpoint: {string.Join("; ", problems.Take(MaxProblems))}{more}.");
    }

    private static string? LeftOut(CheckpointTensor[] left, ModelSpec spec)
    {
        if (left.Length == 0) return null;
        var first = string.Join(", ", left.Take(NamedInWarnings).Select(tensor => CheckpointText.Quote(tensor.Entry.Name)));
        var more = left.Length > NamedInWarnings ? ", ..." : "";
        var which = left.Length == 1 ? "1 tensor that has" : $"{left.Length} tensors that have";
        return $"checkpoint: left out {which} no role in family {spec.ModelType}: {first}{more}.";
    }

    private static void CheckTensor(List<string> problems, CheckpointTensor tensor, WeightPart part)
    {
        long[] expected = part.Columns == 1 ? [part.Rows] : part.Transposed ? [part.Columns, part.Rows] : [part.Rows, part.Columns];
        if (part.Columns == 1 && tensor.Entry.Shape.AsSpan().SequenceEqual([part.Rows, 1L])) expected = tensor.Entry.Shape;
        if (!tensor.Entry.Shape.AsSpan().SequenceEqual(expected))
            problems.Add($"{tensor.Label} must be [{string.Join(", ", expected)}], found {tensor.Entry.ShapeText}");
        if (!tensor.Entry.Type.TryElementType(out _))
            problems.Add($"{tensor.Label} must be F32, F16 or BF16, found {tensor.Entry.Type.FileName()}");
    }
}
