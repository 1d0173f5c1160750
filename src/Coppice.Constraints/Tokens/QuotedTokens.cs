using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Tokens;

/// <summary>A token that ends a JSON string which is between two characters.</summary>
/// <param name="Token">The token.</param>
/// <param name="Characters">Characters before the quote.</param>
/// <param name="Quote">The quote's byte.</param>
/// <param name="Tail">The number of what comes after it.</param>
internal readonly record struct QuotedEnding(int Token, int Characters, int Quote, int Tail);

/// <summary>
/// Tokens with quotes or backslashes, read as the rest of a string that is between two characters: where only the number of characters
/// matters, this is done once for a vocabulary.
/// </summary>
internal sealed class QuotedTokens
{
    /// <summary>Reads <paramref name="tokens"/>.</summary>
    public QuotedTokens(TokenVocabulary vocabulary, IEnumerable<int> tokens, CharSet characters, Func<int, int, int> tailOf)
    {
        var lexer = new StringLexer(new TextClassifier([], []));
        var (inside, endings) = (new List<(int Length, int Id)>(), new List<QuotedEnding>());
        foreach (var token in tokens)
        {
            var bytes = vocabulary.BytesOf(token);
            var (at, count) = (lexer.Start, 0);
            for (var i = 0; i < bytes.Length && at >= 0; i++)
            {
                at = lexer.Step(at, bytes[i]);
                if (at == StringLexer.Closed) endings.Add(new QuotedEnding(token, count, i, tailOf(token, i + 1)));
                else if (at >= 0 && lexer.IsBetween(at)) count++;
            }
            // A character that has begun counts.
            if (at >= 0) inside.Add((lexer.IsBetween(at) ? count : count + 1, token));
        }
        Inside = new TokenSlice(vocabulary, -1, characters, inside);
        Endings = [.. endings.OrderBy(ending => ending.Characters)];
    }

    /// <summary>Those that stay inside the string.</summary>
    public TokenSlice Inside { get; }

    /// <summary>Those that end it, by their characters.</summary>
    public QuotedEnding[] Endings { get; }
}
