using System.Text;

namespace Coppice.Rules.Tests.Support;

/// <summary>One C# file, taken apart into code and comments; strings count as code.</summary>
internal sealed class SourceFile
{
    public SourceFile(string path, string text)
    {
        (Path, Text) = (path, text);
        Lines = text.TrimEnd('\n').Split('\n');
        (Code, Comments) = Split(text);
    }

    /// <summary>From the root of the repository, with slashes.</summary>
    public string Path { get; }
    public string Text { get; }
    public IReadOnlyList<string> Lines { get; }
    /// <summary>The text with a blank for each character of a comment: the same lines and columns.</summary>
    public string Code { get; }
    /// <summary>The text with a blank for each character that is not in a comment.</summary>
    public string Comments { get; }

    /// <summary>"path:line: text" of the line that holds character <paramref name="index"/>.</summary>
    public string Place(int index)
    {
        var line = Text.AsSpan(0, index).Count('\n');
        return $"{Path}:{line + 1}: {Lines[Math.Min(line, Lines.Count - 1)].Trim()}";
    }

    private static (string Code, string Comments) Split(string text)
    {
        StringBuilder code = new(text.Length), comments = new(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var end = CommentEnd(text, i);
            var isComment = end > i;
            if (!isComment) end = LiteralEnd(text, i);
            for (; i < end; i++)
            {
                var blank = text[i] == '\n' ? '\n' : ' ';
                code.Append(isComment ? blank : text[i]);
                comments.Append(isComment ? text[i] : blank);
            }
        }
        return (code.ToString(), comments.ToString());
    }

    /// <summary>After the comment that begins at <paramref name="i"/>, or <paramref name="i"/> where none does.</summary>
    private static int CommentEnd(string text, int i)
    {
        if (text[i] != '/' || i + 1 == text.Length || text[i + 1] is not ('/' or '*')) return i;
        var end = text[i + 1] == '/' ? text.IndexOf('\n', i) : text.IndexOf("*/", i + 2, StringComparison.Ordinal) + 2;
        return end < i + 2 ? text.Length : end;
    }

    /// <summary>After the string or character that begins at <paramref name="i"/>, or the next character where none does.</summary>
    private static int LiteralEnd(string text, int i)
    {
        if (text[i] == '"' && text.AsSpan(i).StartsWith("\"\"\""))
        {
            var quotes = 3;
            while (i + quotes < text.Length && text[i + quotes] == '"') quotes++;
            var end = text.IndexOf(new string('"', quotes), i + quotes, StringComparison.Ordinal);
            return end < 0 ? text.Length : end + quotes;
        }
        if (text[i] is not ('"' or '\'')) return i + 1;
        var verbatim = text[i] == '"' && i > 0 && (text[i - 1] == '@' || (text[i - 1] == '$' && i > 1 && text[i - 2] == '@'));
        for (var j = i + 1; j < text.Length; j++)
        {
            if (text[j] == '\\' && !verbatim) j++;
            else if (text[j] == text[i] && verbatim && j + 1 < text.Length && text[j + 1] == '"') j++;
            else if (text[j] == text[i]) return j + 1;
            else if (text[j] == '\n' && !verbatim) return j;
        }
        return text.Length;
    }
}
