namespace Coppice.Decoding.Verification;

/// <summary>
/// The draft distributions that children of a token tree were drawn from: for every node the tokens that could be drawn and their weights.
/// </summary>
/// <remarks>A draft distribution is kept by its support, which a drafter bounds, so that a rejection costs its size and not that of the
/// vocabulary.</remarks>
/// <typeparam name="T">Number type of the weights.</typeparam>
/// <param name="nodes">Nodes of the largest tree.</param>
/// <param name="width">Largest support.</param>
internal sealed class Proposals<T>(int nodes, int width) where T : struct
{
    private readonly int[] _tokens = new int[nodes * width], _counts = new int[nodes];
    private readonly T[] _weights = new T[nodes * width];

    /// <summary>Largest support.</summary>
    public int Width { get; } = width;

    /// <summary>Tokens that could be drawn under <paramref name="node"/>, each once.</summary>
    public ReadOnlySpan<int> Tokens(int node) => _tokens.AsSpan(node * Width, _counts[node]);

    /// <summary>Their weights, above 0: probabilities up to a common factor, before any draw.</summary>
    public ReadOnlySpan<T> Weights(int node) => _weights.AsSpan(node * Width, _counts[node]);

    /// <summary>Sets the distribution under <paramref name="node"/>.</summary>
    public void Set(int node, ReadOnlySpan<int> tokens, ReadOnlySpan<T> weights)
    {
        _counts[node] = tokens.Length;
        tokens.CopyTo(_tokens.AsSpan(node * Width, Width));
        weights.CopyTo(_weights.AsSpan(node * Width, Width));
    }

    /// <summary>Leaves <paramref name="node"/> without a distribution.</summary>
    public void Clear(int node) => _counts[node] = 0;
}
