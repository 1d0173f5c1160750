namespace Coppice.Decoding.Verification;

/// <summary>Result of a pass over a tree.</summary>
internal readonly ref struct VerificationResult
{
    /// <summary>The tree as it was drafted; the root alone where there was no draft.</summary>
    public required TokenTree Tree { get; init; }
    /// <summary>Accepted nodes, the root first.</summary>
    public required ReadOnlySpan<int> Path { get; init; }
    /// <summary>All tokens of the sequence, with those that the pass gave.</summary>
    public required ReadOnlySpan<int> Tokens { get; init; }
    /// <summary>The tokens that the pass gave, in order: fewer than the path is long where the text ended inside it.</summary>
    public required ReadOnlySpan<int> Emitted { get; init; }
    /// <summary>Best tokens of the rows that were computed.</summary>
    public required TopRows Best { get; init; }
    /// <summary>
    /// Hidden states of the accepted nodes, that of <see cref="Path"/>[i] at row i, where the drafter asks for some by its HiddenLayers.
    /// Where the text ended inside the path, the last rows are of tokens that are not in it.
    /// </summary>
    public HiddenRows Hidden { get; init; }

    /// <summary>
    /// The target's best tokens after <paramref name="node"/> by raw logit, the best first; empty where its row was not computed.
    /// </summary>
    public ReadOnlySpan<int> Top(int node) => Best.Tokens(node);

    /// <summary>Their raw logits.</summary>
    public ReadOnlySpan<float> TopLogits(int node) => Best.Logits(node);
}

/// <summary>Best tokens of rows of logits.</summary>
/// <param name="places">Of each node's row, negative where it was not computed.</param>
/// <param name="tokens">[rows, width].</param>
/// <param name="logits">[rows, width].</param>
/// <param name="width">Tokens of a row.</param>
/// <param name="count">Tokens of a row that were asked for.</param>
internal readonly ref struct TopRows(ReadOnlySpan<int> places, ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits, int width, int count)
{
    private readonly ReadOnlySpan<int> _places = places, _tokens = tokens;
    private readonly ReadOnlySpan<float> _logits = logits;

    /// <summary>The best tokens of a node's row, or none.</summary>
    public ReadOnlySpan<int> Tokens(int node) => Has(node) ? _tokens.Slice(_places[node] * width, count) : [];

    /// <summary>Their logits.</summary>
    public ReadOnlySpan<float> Logits(int node) => Has(node) ? _logits.Slice(_places[node] * width, count) : [];

    private bool Has(int node) => count > 0 && _places[node] >= 0;
}
