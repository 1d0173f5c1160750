namespace Coppice;

/// <summary>How a model's attention becomes an alignment.</summary>
public sealed record AlignmentOptions
{
    /// <summary>Layers whose attention counts, from 0; none, the default, for the middle and the last third of them.</summary>
    public IReadOnlyList<int> Layers { get; init; } = [];
    /// <summary>Query heads that count in each of them, from 0; none, the default, for all.</summary>
    public IReadOnlyList<int> Heads { get; init; } = [];
    /// <summary>
    /// Positions at the beginning of the prompt that are left out, because attention without a better target collects there; 1 by default.
    /// </summary>
    public int Sinks { get; init; } = 1;
    /// <summary>Whether what an output token attends to in the source sums to 1; true by default.</summary>
    public bool Normalized { get; init; } = true;
}
