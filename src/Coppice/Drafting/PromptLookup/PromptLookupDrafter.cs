using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>Prompt lookup: a chain of the tokens that followed the longest earlier occurrence of the last tokens, the most recent of equally long ones.</summary>
/// <remarks>Source: Saxena, Prompt Lookup Decoding (2023), which takes the first occurrence of a fixed length; here the longest suffix comes first.</remarks>
/// <param name="options">Lengths.</param>
/// <param name="maxTokens">Tokens of a sequence at most.</param>
internal sealed class PromptLookupDrafter(PromptLookupOptions options, int maxTokens) : Drafter
{
    private readonly NgramHistory _history = new(maxTokens, maxTokens);
    private readonly NgramMatch[] _matches = new NgramMatch[256];

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt) => _history.Begin(prompt, forget: true);

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        _history.Extend(request.Tokens);
        if (_history.Find(options.MaxMatch, _matches) == 0 || _matches[0].Length < options.MinMatch) return;
        var next = _history.Tokens[_matches[0].Next..];
        var count = Math.Min(options.Length, request.MaxNodes - 1);
        for (var (i, node) = (0, 0); i < count && tree.MayExtend(node, request.MaxDepth); i++)
            node = tree.Add(node, i < next.Length ? next[i] : tree.Tokens[1 + i - next.Length]);        // behind the end of the text comes what was proposed there
    }
}
