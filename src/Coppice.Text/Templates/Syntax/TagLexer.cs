using System.Globalization;
using System.Numerics;
using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.Templates;

/// <summary>Reads the tokens inside one tag: names, numbers, strings and operators.</summary>
internal sealed class TagLexer(string source, int position, int line, List<Token> tokens)
{
    private static readonly string[] Operators = ["//", "**", "==", "!=", ">=", "<="];

    private readonly Stack<char> _brackets = new();

    /// <summary>Where the next token begins.</summary>
    public int Position { get; private set; } = position;

    /// <summary>The line of <see cref="Position"/>.</summary>
    public int Line { get; private set; } = line;

    /// <summary>Whether every bracket opened so far is closed.</summary>
    public bool IsBalanced => _brackets.Count == 0;

    /// <summary>Reads one token or skips white space.</summary>
    public void Next()
    {
        var c = source[Position];
        if (PythonCharacters.IsSpace(c))
        {
            if (c == '\n') Line++;
            Position++;
        }
        else if (char.IsAsciiDigit(c)) ReadNumber();
        else if (PythonCharacters.IsIdentifierPart(source, Position)) ReadName();
        else if (c is '\'' or '"') ReadText(c);
        else ReadOperator(c);
    }

    private char At(int index) => index < source.Length ? source[index] : '\0';

    private void Add(TokenKind kind, string text, int end, object? number = null)
    {
        tokens.Add(new Token(kind, text, Line, number));
        Position = end;
    }

    private void ReadName()
    {
        var end = Position;
        while (end < source.Length && PythonCharacters.IsIdentifierPart(source, end)) end += char.IsSurrogatePair(source, end) ? 2 : 1;
        Add(TokenKind.Name, source[Position..end], end);
    }

    /// <summary>Digits with single underscores between them; answers where they end.</summary>
    private int Digits(int at, Func<char, bool> isDigit)
    {
        while (isDigit(At(at)) || (At(at) == '_' && isDigit(At(at + 1)))) at++;
        return at;
    }

    private void ReadNumber()
    {
        var afterDot = Position > 0 && source[Position - 1] == '.';
        var whole = Digits(Position, char.IsAsciiDigit);
        var end = whole;
        if (!afterDot)
        {
            if (At(end) == '.' && char.IsAsciiDigit(At(end + 1))) end = Digits(end + 1, char.IsAsciiDigit);
            if (At(end) is 'e' or 'E')
            {
                var digits = At(end + 1) is '+' or '-' ? end + 2 : end + 1;
                if (char.IsAsciiDigit(At(digits))) end = Digits(digits, char.IsAsciiDigit);
            }
        }
        if (end == whole)
        {
            ReadInteger();
            return;
        }
        var text = source[Position..end].Replace("_", "");
        Add(TokenKind.Real, text, end, double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
    }

    private void ReadInteger()
    {
        var radix = AsciiCase.ToLower(At(Position + 1)) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 10 };
        if (At(Position) == '0' && radix != 10)
        {
            bool IsDigit(char c) => char.IsAsciiHexDigit(c) && Convert.ToInt32(c.ToString(), 16) < radix;
            var start = At(Position + 2) == '_' ? Position + 3 : Position + 2;
            var end = IsDigit(At(start)) ? Digits(start, IsDigit) : Position + 1;
            AddInteger(end == Position + 1 ? "0" : source[start..end], end, end == Position + 1 ? 10 : radix);
            return;
        }
        // A decimal integer does not begin with zero unless it is zero.
        AddInteger(null, At(Position) == '0' ? Digits(Position, c => c == '0') : Digits(Position, char.IsAsciiDigit), 10);
    }

    private void AddInteger(string? digits, int end, int radix)
    {
        var text = (digits ?? source[Position..end]).Replace("_", "");
        if (text.Length > 4300) throw TemplateException.Syntax($"an integer must have at most 4300 digits, found {text.Length}", Line);
        var value = text.Aggregate(BigInteger.Zero, (sum, digit) => sum * radix + Convert.ToInt32(digit.ToString(), 16));
        Add(TokenKind.Integer, text, end, value);
    }

    private void ReadOperator(char c)
    {
        var text = Array.Find(Operators, candidate => string.CompareOrdinal(source, Position, candidate, 0, 2) == 0) ?? c.ToString();
        if (text.Length == 1 && !"+-/*%~[](){}><=.:|,;".Contains(c))
            throw TemplateException.Syntax($"unexpected char '{c}' at {Position}", Line);
        if (c is '(' or '[' or '{')
        {
            _brackets.Push(c switch { '(' => ')', '[' => ']', _ => '}' });
        }
        else if (c is ')' or ']' or '}')
        {
            if (!_brackets.TryPop(out var expected)) throw TemplateException.Syntax($"unexpected '{c}'", Line);
            if (expected != c) throw TemplateException.Syntax($"unexpected '{c}', expected '{expected}'", Line);
        }
        Add(TokenKind.Operator, text, Position + text.Length);
    }

    private void ReadText(char quote)
    {
        var end = Position + 1;
        while (end < source.Length && source[end] != quote) end += source[end] == '\\' ? 2 : 1;
        if (end >= source.Length) throw TemplateException.Syntax($"unexpected char '{quote}' at {Position}: the string never ends", Line);
        var body = source[(Position + 1)..end];
        Add(TokenKind.Text, Unescape(body), end + 1);
        Line += body.AsSpan().Count('\n');
    }

    /// <summary>Python's string escapes.</summary>
    private string Unescape(string body)
    {
        if (!body.Contains('\\')) return body;
        var text = new StringBuilder(body.Length);
        for (var i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\')
            {
                text.Append(body[i]);
                continue;
            }
            var c = body[++i];
            var plain = "\\'\"abfnrtv".IndexOf(c);
            if (c == '\n') continue;
            if (plain >= 0) text.Append("\\'\"\a\b\f\n\r\t\v"[plain]);
            else if (c is >= '0' and <= '7') AppendOctal(text, body, ref i);
            else if (c is 'x' or 'u' or 'U') AppendHex(text, body, ref i);
            else if (c == 'N') throw TemplateException.Syntax("characters cannot be written by name in a string", Line);
            else if (c > '\x7f') AppendEscapedOther(text, body, ref i);
            else text.Append('\\').Append(c);
        }
        return text.ToString();
    }

    private static void AppendOctal(StringBuilder text, string body, ref int i)
    {
        var value = 0;
        var stop = Math.Min(i + 3, body.Length);
        for (; i < stop && body[i] is >= '0' and <= '7'; i++) value = value * 8 + body[i] - '0';
        text.Append((char)value);
        i--;
    }

    private void AppendHex(StringBuilder text, string body, ref int i)
    {
        var digits = body[i] switch { 'x' => 2, 'u' => 4, _ => 8 };
        var number = body.AsSpan(i + 1, Math.Min(digits, body.Length - i - 1));
        if (number.Length < digits || !uint.TryParse(number, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || value > 0x10FFFF)
            throw TemplateException.Syntax($"a \\{body[i]} escape must have {digits} hexadecimal digits of a character", Line);
        if (value > 0xFFFF) text.Append(char.ConvertFromUtf32((int)value));
        else text.Append((char)value);
        i += digits;
    }

    // Jinja writes such a character as an ASCII escape before it reads escapes, so that the backslash in front meets another one.
    private static void AppendEscapedOther(StringBuilder text, string body, ref int i)
    {
        var value = char.IsSurrogatePair(body, i) ? char.ConvertToUtf32(body[i], body[i + 1]) : body[i];
        text.Append('\\').Append(value > 0xFFFF ? $"U{value:x8}" : value > 0xFF ? $"u{value:x4}" : $"x{value:x2}");
        if (value > 0xFFFF) i++;
    }
}
