namespace Coppice.Text.Decoders;

/// <summary>
/// The rewriting of word pieces: a prefix glues a piece to the one before, others follow a space; English clean-up on request.
/// </summary>
internal static class WordPieces
{
    private static readonly (string From, string To)[] Replacements =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    /// <summary>The stage for a prefix such as ##.</summary>
    public static TokenMap Stage(string prefix, bool cleanUp) => new(
        (token, first) =>
        {
            if (!first) token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
            return cleanUp ? CleanUp(token) : token;
        },
        byCharacter: false);

    /// <summary>Removes spaces before punctuation and English abbreviations.</summary>
    public static string CleanUp(string text)
    {
        foreach (var (from, to) in Replacements) text = text.Replace(from, to, StringComparison.Ordinal);
        return text;
    }
}
