using System.Text;

namespace Coppice.Text;

/// <summary>
/// Texts that come from outside into a template. Where one spells a special token, or could begin one that the next text completes, a mark
/// is set after the token's first character: a template hands it through, and <see cref="Tokenizer.EncodeMarked"/> takes it out again after
/// the special tokens were found.
/// </summary>
internal sealed class GivenText(IReadOnlyList<string> tokens)
{
    private const int FirstMark = 0xFDD0, LastMark = 0xFDEF;        // Unicode promises that no text holds these

    /// <summary>A mark that is in none of <paramref name="texts"/>.</summary>
    /// <exception cref="ArgumentException">All of them hold every mark.</exception>
    public static char MarkFor(IReadOnlyCollection<string> texts)
    {
        for (var mark = FirstMark; mark <= LastMark; mark++)
        {
            if (texts.All(text => !text.Contains((char)mark))) return (char)mark;
        }
        throw new ArgumentException("chat: the texts must leave one of the characters U+FDD0..U+FDEF unused, found all of them.");
    }

    /// <summary>
    /// The text with a mark in everything that could be taken for a special token; the same object where there is nothing.
    /// </summary>
    public string Mark(string text, char mark)
    {
        StringBuilder? marked = null;
        var done = 0;
        for (var at = 0; at < text.Length; at++)
        {
            if (!BeginsToken(text.AsSpan(at))) continue;
            marked ??= new StringBuilder(text.Length + 8);
            marked.Append(text, done, at + 1 - done).Append(mark);
            done = at + 1;
        }
        return marked is null ? text : marked.Append(text, done, text.Length - done).ToString();
    }

    /// <summary>
    /// Whether a token stands here, or the text ends within one (templates may cut white space off and put texts together).
    /// </summary>
    private bool BeginsToken(ReadOnlySpan<char> rest)
    {
        var trimmed = rest.TrimEnd();
        foreach (var token in tokens)
        {
            if (rest.StartsWith(token, StringComparison.Ordinal)) return true;
            if (trimmed.Length > 0 && trimmed.Length < token.Length && token.AsSpan().StartsWith(trimmed, StringComparison.Ordinal))
                return true;
        }
        return false;
    }
}
