using System.Globalization;
using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>Reads what stands for one character in a pattern: bracketed classes and escapes.</summary>
internal sealed class ClassParser
{
    private const int DeepestNesting = 50;

    private readonly string _pattern;
    private readonly bool _ignoreCase;
    private int _depth;

    public ClassParser(string pattern, bool ignoreCase)
    {
        _pattern = pattern;
        _ignoreCase = ignoreCase;
    }

    /// <summary>Reads a class whose opening bracket is before <paramref name="at"/>, up to and with its closing bracket.</summary>
    public CharacterSet Read(ref int at)
    {
        if (++_depth > DeepestNesting) throw new PatternError($"classes nested too deep at character {at}");
        var negated = Peek(at) == '^';
        if (negated) at++;
        var builder = new ClassBuilder(_ignoreCase);
        // A closing bracket at the start is a character.
        for (var first = true; first || Peek(at) != ']'; first = false)
        {
            if (at >= _pattern.Length) throw new PatternError("a character class without end");
            ReadMember(ref at, builder);
        }
        at++;
        _depth--;
        return builder.End(negated);
    }

    /// <summary>Reads an escape that stands for one character or a set.</summary>
    public CharacterSet ReadEscape(ref int at)
    {
        if (TryNamedSet(ref at, bracketed: false) is { } set) return set;
        return CharacterSet.Of(ReadCharacter(ref at), _ignoreCase);
    }

    private void ReadMember(ref int at, ClassBuilder builder)
    {
        switch (_pattern[at])
        {
            case '&' when Peek(at + 1) == '&':
                at += 2;
                builder.Intersect();
                break;
            case '-':
                at++;
                builder.AddHyphen(closes: Peek(at) == ']' || (Peek(at) == '&' && Peek(at + 1) == '&'));
                break;
            case '[' when IsPosix(at, out var name):
                builder.AddSet(Posix(name));
                at += name.Length + "[::]".Length;
                break;
            case '[':
                at++;
                builder.AddClass(Read(ref at));
                break;
            case '\\' when TryNamedSet(ref at, bracketed: true) is { } named:
                builder.AddSet(named);
                break;
            default:
                builder.AddCharacter(ReadCharacter(ref at));
                break;
        }
    }

    private bool IsNamedSet(int at) => Peek(at + 1) is 's' or 'S' or 'd' or 'D' or 'w' or 'W' or 'h' or 'H' or 'p' or 'P';

    private CharacterSet? TryNamedSet(ref int at, bool bracketed)
    {
        if (!IsNamedSet(at)) return null;
        var kind = _pattern[at + 1];
        at += 2;
        var set = AsciiCase.ToLower(kind) switch
        {
            's' => CharacterSet.Space,
            'd' => CharacterSet.Digit,
            'w' => bracketed ? Properties.Word : CharacterSet.Word,
            'h' => new CharacterSet(ranges: ['0', '9', 'a', 'f', 'A', 'F']),
            _ => ReadProperty(ref at, bracketed),
        };
        return char.IsUpper(kind) ? set.Complement() : set;
    }

    private CharacterSet ReadProperty(ref int at, bool bracketed)
    {
        string name;
        if (Peek(at) == '{')
        {
            var end = _pattern.IndexOf('}', at);
            if (end < 0) throw new PatternError("a property without end");
            name = _pattern[(at + 1)..end];
            at = end + 1;
        }
        else
        {
            if (at >= _pattern.Length) throw new PatternError("a property without name");
            name = _pattern[at++].ToString();
        }
        var negated = name.StartsWith('^');
        var set = Properties.Find(name.TrimStart('^'))
            ?? throw new PatternError($"the property \\p{{{name}}} in a pattern", unsupported: true);
        if (set == Properties.Word && !bracketed) set = CharacterSet.Word;
        return negated ? set.Complement() : set;
    }

    // Whether "[:name:]" begins here; with anything but letters in the name it is a class in brackets.
    private bool IsPosix(int at, out string name)
    {
        name = "";
        if (Peek(at + 1) != ':') return false;
        var end = at + 2;
        if (Peek(end) == '^') end++;
        while (char.IsAsciiLetter(Peek(end))) end++;
        name = _pattern[(at + 2)..end];
        return name.Length > 0 && Peek(end) == ':' && Peek(end + 1) == ']';
    }

    private static CharacterSet Posix(string name)
    {
        var negated = name.StartsWith('^');
        var set = Properties.FindPosix(negated ? name[1..] : name) ?? throw new PatternError($"an unknown POSIX bracket [:{name}:]");
        return negated ? set.Complement() : set;
    }

    private int ReadCharacter(ref int at)
    {
        if (_pattern[at] != '\\')
        {
            var letter = CodePoints.At(_pattern, at, out var length);
            at += length;
            return letter;
        }
        at++;
        if (at >= _pattern.Length) throw new PatternError("a backslash at the end");
        var escaped = CodePoints.At(_pattern, at, out var escapedLength);
        at += escapedLength;
        switch (escaped)
        {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'f': return '\f';
            case 'v': return '\v';
            case 'a': return '\a';
            case 'e': return 0x1B;
            case 'b': return '\b';
            case 'x' when Peek(at) == '{': return ReadBraced(ref at);
            case 'x': return ReadHexadecimal(ref at, 1, 2);
            case 'u': return ReadHexadecimal(ref at, 4, 4);
            case >= '0' and <= '7': return ReadOctal(ref at, escaped - '0');
            case 'c' or 'C' or 'M': throw new PatternError($"\\{(char)escaped} in a pattern", unsupported: true);
            default: return escaped;
        }
    }

    private int ReadBraced(ref int at)
    {
        at++;
        var value = ReadHexadecimal(ref at, 1, 8);
        if (Peek(at) != '}') throw new PatternError("a character number without end");
        at++;
        return value;
    }

    private int ReadHexadecimal(ref int at, int least, int most)
    {
        var end = at;
        while (end < _pattern.Length && end - at < most && char.IsAsciiHexDigit(_pattern[end])) end++;
        if (end - at < least
            || !int.TryParse(_pattern.AsSpan(at..end), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || value is < 0 or > 0x10FFFF)
            throw new PatternError($"a wrong character number at character {at}");
        at = end;
        return value;
    }

    private int ReadOctal(ref int at, int value)
    {
        for (var digits = 1; digits < 3 && Peek(at) is >= '0' and <= '7'; digits++) value = value * 8 + (_pattern[at++] - '0');
        return value;
    }

    private char Peek(int at) => at < _pattern.Length ? _pattern[at] : '\0';
}
