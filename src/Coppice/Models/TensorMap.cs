using System.IO.Enumeration;

namespace Coppice.Models;

/// <summary>How the rows of a fused query-key-value matrix are ordered.</summary>
internal enum FusedQkvLayout
{
    /// <summary>All queries, all keys, all values.</summary>
    Stacked,
    /// <summary>Query, key and value of head 0, then of head 1, and so on.</summary>
    PerHead,
}

/// <summary>A family's names of tensors and how its files differ from the engine's form: folded at load.</summary>
internal sealed record TensorMap
{
    /// <summary>Name of each role without ".weight" or ".bias", with {layer} and {expert} where they stand.</summary>
    public required IReadOnlyDictionary<TensorRole, string> Names { get; init; }
    /// <summary>A beginning of all names that some files leave out.</summary>
    public string OptionalPrefix { get; init; } = "";
    /// <summary>Tensors that carry nothing to compute with, with * for any text.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];
    /// <summary>Projections stored [inputs, outputs].</summary>
    public bool Transposed { get; init; }
    /// <summary>Added to norm weights, in F32: 1 where the family computes 1 + w.</summary>
    public float NormOffset { get; init; }
    public FusedQkvLayout FusedQkv { get; init; } = FusedQkvLayout.Stacked;

    /// <summary>The name of a role's tensor in one layer and expert.</summary>
    public string Name(TensorRole role, int layer = 0, int expert = 0) =>
        Names[role].Replace("{layer}", Text(layer), StringComparison.Ordinal).Replace("{expert}", Text(expert), StringComparison.Ordinal);

    /// <summary>Whether <paramref name="name"/> is one of the ignored tensors.</summary>
    public bool Ignores(string name) => Ignored.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false));

    /// <summary>The map for files whose names lack the optional prefix.</summary>
    public TensorMap WithoutPrefix() =>
        Renamed(name => name.StartsWith(OptionalPrefix, StringComparison.Ordinal) ? name[OptionalPrefix.Length..] : name);

    /// <summary>The map with every name changed by <paramref name="change"/>.</summary>
    public TensorMap Renamed(Func<string, string> change) =>
        this with { OptionalPrefix = "", Names = Names.ToDictionary(n => n.Key, n => change(n.Value)) };

    private static string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
