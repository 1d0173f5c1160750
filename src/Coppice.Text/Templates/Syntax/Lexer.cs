namespace Coppice.Text.Templates;

/// <summary>
/// Splits a template into tokens as Jinja does with trim_blocks and lstrip_blocks on: text between tags becomes data, with the
/// white space removed that the tags around it ask for; the insides of tags are left to <see cref="TagLexer"/>.
/// </summary>
internal sealed class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _position;
    private int _line = 1;

    private Lexer(string source) => _source = source;

    /// <summary>The tokens of <paramref name="template"/>, ending in <see cref="TokenKind.End"/>.</summary>
    public static List<Token> Tokenize(string template)
    {
        var source = template.Replace("\r\n", "\n").Replace('\r', '\n');
        if (source.EndsWith('\n')) source = source[..^1];
        var lexer = new Lexer(source);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        var startsLine = true;
        while (_position < _source.Length)
        {
            var tag = NextTag(_position);
            if (tag < 0)
            {
                AddData(_source[_position..]);
                break;
            }
            var kind = _source[tag + 1];
            var rawEnd = kind == '%' ? MatchRawBegin(tag) : -1;
            var sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : '\0';
            AddData(_source[_position..tag], sign, startsLine, strip: kind != '{');
            if (rawEnd >= 0) ReadRaw(tag, rawEnd);
            else if (kind == '#') ReadComment(tag + 2 + (sign == '\0' ? 0 : 1));
            else ReadTag(tag + 2 + (sign == '\0' ? 0 : 1), kind == '%');
            startsLine = _source[_position - 1] == '\n';
        }
        _tokens.Add(new Token(TokenKind.End, "", _line));
    }

    private int NextTag(int from)
    {
        for (var at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
            if (_source[at + 1] is '%' or '{' or '#') return at;
        return -1;
    }

    /// <summary>Adds text, stripped at its end as the sign of the tag after it and lstrip_blocks ask.</summary>
    private void AddData(string text, char sign = '\0', bool startsLine = false, bool strip = false)
    {
        var kept = text;
        if (sign == '-')
        {
            kept = text[..TrimmedLength(text)];
        }
        else if (sign != '+' && strip)
        {
            var lineStart = text.LastIndexOf('\n') + 1;
            if (lineStart < text.Length && (lineStart > 0 || startsLine) && TrimmedLength(text) <= lineStart) kept = text[..lineStart];
        }
        if (kept.Length > 0) _tokens.Add(new Token(TokenKind.Data, kept, _line));
        CountLines(text);
    }

    private static int TrimmedLength(string text)
    {
        var length = text.Length;
        while (length > 0 && PythonCharacters.IsSpace(text[length - 1])) length--;
        return length;
    }

    private void CountLines(ReadOnlySpan<char> text) => _line += text.Count('\n');

    private int SkipSpace(int at)
    {
        while (at < _source.Length && PythonCharacters.IsSpace(_source[at])) at++;
        return at;
    }

    private bool Has(int at, string text) => string.CompareOrdinal(_source, at, text, 0, text.Length) == 0;

    /// <summary>Where the text of a raw block begins whose tag opens at <paramref name="tag"/>, or -1.</summary>
    private int MatchRawBegin(int tag)
    {
        var at = tag + 2;
        if (at < _source.Length && _source[at] is '-' or '+') at++;
        at = SkipSpace(at);
        if (!Has(at, "raw")) return -1;
        at = SkipSpace(at + 3);
        return Has(at, "-%}") ? SkipSpace(at + 3) : Has(at, "%}") ? at + 2 : -1;
    }

    private void ReadRaw(int tag, int textStart)
    {
        CountLines(_source.AsSpan(tag, textStart - tag));
        for (var at = _source.IndexOf("{%", textStart, StringComparison.Ordinal); at >= 0;
            at = _source.IndexOf("{%", at + 1, StringComparison.Ordinal))
        {
            var sign = at + 2 < _source.Length && _source[at + 2] is '-' or '+' ? _source[at + 2] : '\0';
            var word = SkipSpace(at + (sign == '\0' ? 2 : 3));
            if (!Has(word, "endraw")) continue;
            var end = MatchEnd(SkipSpace(word + 6), '%');
            if (end < 0) continue;
            AddData(_source[textStart..at], sign, _source[textStart - 1] == '\n', strip: true);
            CountLines(_source.AsSpan(at, end - at));
            _position = end;
            return;
        }
        if (textStart < _source.Length) throw TemplateException.Syntax("Missing end of raw directive", _line);
        _position = _source.Length;
    }

    private void ReadComment(int start)
    {
        if (start >= _source.Length)
        {
            // A comment that the template's end cuts off is let pass if nothing has been written in it.
            _position = _source.Length;
            return;
        }
        var at = _source.IndexOf("#}", start, StringComparison.Ordinal);
        if (at < 0) throw TemplateException.Syntax("Missing end of comment tag", _line);
        var signed = at > start && _source[at - 1] is '-' or '+';
        _position = MatchEnd(signed ? at - 1 : at, '#');
        CountLines(_source.AsSpan(start, _position - start));
    }

    /// <summary>The place after an end of tag at <paramref name="at"/> with what it strips (trim_blocks: one line break), or -1.</summary>
    private int MatchEnd(int at, char mark)
    {
        if (at >= _source.Length) return -1;
        var sign = _source[at] is '-' or '+' ? _source[at] : '\0';
        var close = sign == '\0' ? at : at + 1;
        if (close + 1 >= _source.Length || _source[close] != mark || _source[close + 1] != '}') return -1;
        var end = close + 2;
        if (sign == '-') return SkipSpace(end);
        return sign == '\0' && end < _source.Length && _source[end] == '\n' ? end + 1 : end;
    }

    private void ReadTag(int start, bool block)
    {
        _tokens.Add(new Token(block ? TokenKind.BlockBegin : TokenKind.VariableBegin, "", _line));
        var inside = new TagLexer(_source, start, _line, _tokens);
        while (true)
        {
            // An end mark within brackets belongs to the brackets: {{ {'a': {}}}} ends at the last two braces.
            var end = inside.IsBalanced ? EndOfTag(inside.Position, block) : -1;
            if (end >= 0)
            {
                _line = inside.Line;
                _tokens.Add(new Token(block ? TokenKind.BlockEnd : TokenKind.VariableEnd, "", _line));
                CountLines(_source.AsSpan(inside.Position, end - inside.Position));
                _position = end;
                return;
            }
            if (inside.Position >= _source.Length)
            {
                _line = inside.Line;
                _position = _source.Length;
                return;
            }
            inside.Next();
        }
    }

    private int EndOfTag(int at, bool block)
    {
        if (block) return MatchEnd(at, '%');
        if (Has(at, "-}}")) return SkipSpace(at + 3);
        return Has(at, "}}") ? at + 2 : -1;
    }
}
