using Coppice.Weights;

namespace Coppice.Models;

/// <summary>Finds a family's names in a checkpoint that begins them otherwise.</summary>
/// <remarks>
/// A text model inside another (<c>language_model.model.layers...</c>, <c>model.language_model.layers...</c>) and what training tools put
/// in front (<c>module.</c>, <c>_orig_mod.</c>, <c>base_model.model.</c>) differ from the plain names in their beginning alone. The
/// embedding, which every model has once, shows it.
/// </remarks>
internal static class TensorNames
{
    private const string Weight = ".weight";

    /// <summary>
    /// <paramref name="map"/> as the names of <paramref name="checkpoint"/> have it, and the beginning that was found, empty for the
    /// family's own; unchanged where the embedding is nowhere, or in several places.
    /// </summary>
    public static (TensorMap Map, string Prefix) Locate(TensorMap map, Checkpoint checkpoint, ModelSpec spec)
    {
        var embedding = map.Name(TensorRole.Embedding);
        if (checkpoint.Tensors.ContainsKey(embedding + Weight)) return (map, "");
        var bare = map.OptionalPrefix.Length > 0 ? map.WithoutPrefix() : map;
        if (checkpoint.Tensors.ContainsKey(bare.Name(TensorRole.Embedding) + Weight)) return (bare, "");
        if (Beginning(checkpoint, embedding, spec) is { } before) return (map.Renamed(name => before + name), before);
        var dot = embedding.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || Beginning(checkpoint, embedding[(dot + 1)..], spec) is not { } inside) return (map, "");
        var body = embedding[..(dot + 1)];
        return (map.Renamed(name => name.StartsWith(body, StringComparison.Ordinal) ? inside + name[body.Length..] : name), inside);
    }

    /// <summary>What stands before <paramref name="name"/> in the one tensor that ends with it and has the embedding's shape.</summary>
    private static string? Beginning(Checkpoint checkpoint, string name, ModelSpec spec)
    {
        var ending = "." + name + Weight;
        string? found = null;
        foreach (var (stored, tensor) in checkpoint.Tensors)
        {
            if (!stored.EndsWith(ending, StringComparison.Ordinal)) continue;
            if (!tensor.Entry.Shape.AsSpan().SequenceEqual([spec.VocabularySize, (long)spec.HiddenSize])) continue;
            if (found is not null) return null;
            found = stored[..^(ending.Length - 1)];
        }
        return found;
    }
}
