using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>
/// Prompt lookup: a chain of the tokens that followed the longest earlier occurrence of the last tokens, the most recent of equally long
/// ones.
/// </summary>
/// <remarks>
/// Source: Saxena, Prompt Lookup Decoding (2023), which takes the first occurrence of a fixed length; here the longest suffix comes first.
/// </remarks>
/// <param name="options">Lengths.</param>
/// <param name="maxTokens">Tokens of a sequence at most.</param>
internal sealed class PromptLookupDrafter(PromptLookupOptions options, int maxTokens) : Drafter
{
    private readonly SequenceIndex _text = new(maxTokens);
    private readonly NgramMatch[] _matches = new NgramMatch[256];
    private readonly NodeRates _rates = new(options.Length + 1);

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt) => _text.Begin(prompt);

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        _text.Extend(request.Tokens);
        if (_text.Find(options.MaxMatch, _matches) == 0 || _matches[0].Length < options.MinMatch) return;
        var next = _text.Tokens[_matches[0].Next..];
        var count = _rates.Limit(request, Math.Min(options.Length + 1, request.MaxNodes)) - 1;
        for (var (i, node) = (0, 0); i < count && tree.MayExtend(node, request.MaxDepth); i++)
        {
            // After the end of the text comes what was proposed there.
            node = tree.Add(node, i < next.Length ? next[i] : tree.Tokens[1 + i - next.Length]);
        }
        tree.ExpectedTokens = _rates.Expected(tree.Count);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification) => _rates.Accept(verification);
}
