using Coppice.Speculation;

namespace Coppice.Decoding.Drafters;

/// <summary>Prompt lookup: a chain of the tokens that followed the longest earlier occurrence of the last tokens, the most recent of equally long ones.</summary>
/// <remarks>
/// Source: Saxena, Prompt Lookup Decoding (2023), which takes the first occurrence of a fixed length; here the longest suffix comes first.
/// The search goes along a chain of the places where the last token occurred, so a step costs the occurrences of one token times the length of the match.
/// </remarks>
/// <param name="options">Lengths.</param>
/// <param name="maxTokens">Tokens of a sequence at most.</param>
internal sealed class PromptLookupDrafter(PromptLookupOptions options, int maxTokens) : Drafter
{
    private readonly OccurrenceChains _chains = new(maxTokens);

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt) => _chains.Clear();

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        var tokens = request.Tokens;
        _chains.Extend(tokens[..^1]);
        var (length, end) = (options.MinMatch - 1, 0);
        for (var at = _chains.Last(tokens[^1]); at >= 0 && length < options.MaxMatch; at = _chains.Before(at))
        {
            var match = MatchLength(tokens, at);
            if (match > length) (length, end) = (match, at + 1);
        }
        if (end == 0) return;
        var count = Math.Min(Math.Min(options.Length, tokens.Length - end), Math.Min(request.MaxDepth, request.MaxNodes - 1));
        for (var (i, node) = (0, 0); i < count; i++) node = tree.Add(node, tokens[end + i]);
    }

    /// <summary>How many tokens up to <paramref name="at"/> equal the last ones, at most the longest match.</summary>
    private int MatchLength(ReadOnlySpan<int> tokens, int at)
    {
        var length = 1;
        while (length < options.MaxMatch && length <= at && tokens[at - length] == tokens[^(length + 1)]) length++;
        return length;
    }
}
