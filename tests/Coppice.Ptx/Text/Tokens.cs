namespace Coppice.Ptx.Text;

/// <summary>A word, a number or a sign of the text.</summary>
internal readonly record struct Token(string Text, int Line);

/// <summary>The text as words and signs, without comments.</summary>
internal sealed class Tokens
{
    private readonly List<Token> _tokens = [];
    private int _next;

    public Tokens(string text)
    {
        var line = 1;
        for (var i = 0; i < text.Length;)
        {
            var c = text[i];
            if (c == '\n') line++;
            if (char.IsWhiteSpace(c)) i++;
            else if (c == '/' && i + 1 < text.Length && text[i + 1] == '/') i = End(text, i, '\n');
            else if (c == '/' && i + 1 < text.Length && text[i + 1] == '*')
            {
                var end = text.IndexOf("*/", i, StringComparison.Ordinal);
                if (end < 0) throw new PtxException($"line {line}: a comment must end, found none of its ends.");
                line += text.AsSpan(i, end - i).Count('\n');
                i = end + 2;
            }
            else
            {
                var end = i;
                if (c == '"') end = End(text, i + 1, '"') + 1;
                else if (IsWord(c)) while (end < text.Length && IsWord(text[end])) end++;
                else end++;
                _tokens.Add(new Token(text[i..end], line));
                i = end;
            }
        }
    }

    /// <summary>Whether nothing is left.</summary>
    public bool IsAtEnd => _next == _tokens.Count;

    /// <summary>Line of the next token.</summary>
    public int Line => _next < _tokens.Count ? _tokens[_next].Line : _tokens.Count > 0 ? _tokens[^1].Line : 1;

    /// <summary>The token <paramref name="ahead"/> of the next one; "" after the end.</summary>
    public string Peek(int ahead = 0) => _next + ahead < _tokens.Count ? _tokens[_next + ahead].Text : "";

    /// <summary>Takes the next token.</summary>
    public string Take()
    {
        if (IsAtEnd) throw new PtxException($"line {Line}: the text must go on, found its end.");
        return _tokens[_next++].Text;
    }

    /// <summary>Takes the next token if it is <paramref name="text"/>.</summary>
    public bool TakeIf(string text)
    {
        if (Peek() != text) return false;
        _next++;
        return true;
    }

    /// <summary>Takes the next token, which must be <paramref name="text"/>.</summary>
    public void Expect(string text)
    {
        var line = Line;
        var found = Take();
        if (found != text) throw new PtxException($"line {line}: \"{text}\" must follow, found \"{found}\".");
    }

    /// <summary>Takes all up to the end of a block that has begun.</summary>
    public void SkipBlock()
    {
        for (var depth = 1; depth > 0;)
        {
            var token = Take();
            if (token == "{") depth++;
            else if (token == "}") depth--;
        }
    }

    private static int End(string text, int from, char end)
    {
        var at = text.IndexOf(end, from);
        return at < 0 ? text.Length : at;
    }

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' or '%' or '.';
}
