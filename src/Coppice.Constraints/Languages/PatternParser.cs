using System.Globalization;

namespace Coppice.Constraints.Languages;

/// <summary>
/// Reads patterns of ECMA-262: what JSON Schema calls a regular expression. Groups capture nothing, lazy quantifiers are as others.
/// </summary>
internal sealed class PatternParser
{
    private const int DeepestGroup = 200, LongestPattern = 65_536, MostRepetitions = 100_000;

    private readonly string _text;
    private int _at;
    private int _depth;
    private bool _ignoreCase;

    private PatternParser(string text) => _text = text;

    private bool IsAtEnd => _at >= _text.Length;

    /// <summary>The pattern that <paramref name="text"/> writes.</summary>
    /// <exception cref="ConstraintException">It is malformed, or holds what a finite automaton cannot do (back-references) or is not
    /// supported.</exception>
    public static Pattern Parse(string text)
    {
        if (text.Length > LongestPattern)
            throw new ConstraintException($"regex: must have at most {LongestPattern:N0} characters, found {text.Length:N0}.");
        var parser = new PatternParser(text);
        var pattern = parser.Choice();
        return parser.IsAtEnd ? pattern : throw parser.Wrong("a \")\" without its \"(\"");
    }

    private Pattern Choice()
    {
        if (++_depth > DeepestGroup) throw Wrong($"groups nested deeper than {DeepestGroup}");
        var branches = new List<Pattern> { Branch() };
        while (Take('|')) branches.Add(Branch());
        _depth--;
        return branches.Count == 1 ? branches[0] : new Pattern.Either(branches);
    }

    private Pattern Branch()
    {
        var parts = new List<Pattern>();
        while (!IsAtEnd && _text[_at] is not ('|' or ')'))
        {
            var atom = Atom();
            if (atom is not null) parts.Add(Quantified(atom));
        }
        return parts.Count == 1 ? parts[0] : new Pattern.Sequence(parts);
    }

    private Pattern Quantified(Pattern atom)
    {
        while (!IsAtEnd)
        {
            int least, most;
            switch (_text[_at])
            {
                case '*': (least, most) = (0, int.MaxValue); break;
                case '+': (least, most) = (1, int.MaxValue); break;
                case '?': (least, most) = (0, 1); break;
                case '{' when Counts(out least, out most, out var end): _at = end - 1; break;
                default: return atom;
            }
            _at++;
            if (!IsAtEnd && _text[_at] is '?' or '+') _at++;
            atom = new Pattern.Repeat(atom, least, most);
        }
        return atom;
    }

    private bool Counts(out int least, out int most, out int end)
    {
        (least, most, end) = (0, int.MaxValue, _at);
        var close = _text.IndexOf('}', _at);
        if (close < 0) return false;
        var inner = _text[(_at + 1)..close];
        var comma = inner.IndexOf(',', StringComparison.Ordinal);
        var first = comma < 0 ? inner : inner[..comma];
        if (!Number(first, out least)) return false;
        if (comma < 0) most = least;
        else if (comma + 1 < inner.Length && !Number(inner[(comma + 1)..], out most)) return false;
        if (least > most) throw Wrong("counts in the wrong order");
        if (least > MostRepetitions || (most > MostRepetitions && most != int.MaxValue))
            throw Wrong($"more than {MostRepetitions:N0} repetitions");
        end = close + 1;
        return true;
    }

    private static bool Number(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private Pattern? Atom()
    {
        var c = _text[_at++];
        switch (c)
        {
            case '^': return new Pattern.Start();
            case '$': return new Pattern.End();
            case '.': return new Pattern.Characters(CharSet.LineEnds.Complement());
            case '[': return Of(Class());
            case '(': return Group();
            case '\\': return Escape();
            case '*' or '+' or '?': throw Wrong($"a \"{c}\" with nothing to repeat");
            default:
                _at--;
                return Of(Single(CodePoint()));
        }
    }

    private Pattern? Group()
    {
        if (!Take('?')) return Closed(Choice());
        if (Take(':')) return Closed(Choice());
        if (Take('=')) return new Pattern.Ahead(Closed(Choice()), Negative: false);
        if (Take('!')) return new Pattern.Ahead(Closed(Choice()), Negative: true);
        if (Take('P') && !IsAtEnd && _text[_at] != '<') throw Wrong("an unknown kind of group");
        if (Take('<'))
        {
            if (!IsAtEnd && _text[_at] is '=' or '!') throw Wrong("look-behind, which is not supported");
            var end = _text.IndexOf('>', _at);
            if (end < 0) throw Wrong("a group's name without its end");
            _at = end + 1;
            return Closed(Choice());
        }
        if (Take('i'))
        {
            var outer = _ignoreCase;
            _ignoreCase = true;
            if (Take(')')) return null;
            if (!Take(':')) throw Wrong("flags other than i");
            var inner = Closed(Choice());
            _ignoreCase = outer;
            return inner;
        }
        throw Wrong("an unknown kind of group");
    }

    private Pattern Closed(Pattern pattern) => Take(')') ? pattern : throw Wrong("a \"(\" without its \")\"");

    private Pattern.Characters Escape()
    {
        if (IsAtEnd) throw Wrong("a backslash at the end");
        var c = _text[_at];
        if (c is 'b' or 'B') throw Wrong("a word boundary, which is not supported");
        if (c is >= '1' and <= '9') throw Wrong("a back-reference, which is not regular");
        if (c == 'k' && _at + 1 < _text.Length && _text[_at + 1] == '<') throw Wrong("a back-reference, which is not regular");
        return Of(ClassEscape() ?? Single(CharacterEscape()));
    }

    /// <summary>A class such as \d, or null where the escape is one character.</summary>
    private CharSet? ClassEscape()
    {
        var c = _text[_at];
        CharSet? set = c switch
        {
            'd' => CharSet.Digits,
            'D' => CharSet.Digits.Complement(),
            'w' => CharSet.Words,
            'W' => CharSet.Words.Complement(),
            's' => CharSet.Spaces,
            'S' => CharSet.Spaces.Complement(),
            _ => null,
        };
        if (set is not null) _at++;
        else if (c is 'p' or 'P' && _at + 1 < _text.Length && _text[_at + 1] == '{') set = Property(c == 'P');
        return set;
    }

    private CharSet Property(bool negative)
    {
        var end = _text.IndexOf('}', _at);
        if (end < 0) throw Wrong("a property's name without its end");
        var name = _text[(_at + 2)..end];
        _at = end + 1;
        if (name.IndexOf('=', StringComparison.Ordinal) is var equal and > 0)
        {
            if (name[..equal] is not ("gc" or "General_Category")) throw Wrong($"the property {name}, which is not supported");
            name = name[(equal + 1)..];
        }
        var set = CharSet.Category(name) ?? throw Wrong($"the property {name}, which is not supported");
        return negative ? set.Complement() : set;
    }

    private int CharacterEscape()
    {
        var c = _text[_at++];
        switch (c)
        {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'f': return '\f';
            case 'v': return '\v';
            case '0': return 0;
            case 'c' when !IsAtEnd && char.IsAsciiLetter(_text[_at]): return _text[_at++] & 31;
            case 'x': return Hex(2) ?? 'x';
            case 'u' when !IsAtEnd && _text[_at] == '{':
                var end = _text.IndexOf('}', _at);
                if (end < 0 || !int.TryParse(_text[(_at + 1)..end], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var value)
                    || value > CharSet.Last)
                    throw Wrong("a malformed \\u{...}");
                _at = end + 1;
                return value;
            case 'u':
                if (Hex(4) is not { } high) return 'u';
                if (high is < 0xD800 or >= 0xDC00 || !_text.AsSpan(_at).StartsWith("\\u")) return high;
                _at += 2;
                return Hex(4) is { } low and >= 0xDC00 and < 0xE000
                    ? char.ConvertToUtf32((char)high, (char)low) : throw Wrong("half a surrogate pair");
            default:
                _at--;
                return CodePoint();
        }
    }

    private CharSet Class()
    {
        var negative = Take('^');
        var bounds = new List<int>();
        while (!Take(']'))
        {
            if (IsAtEnd) throw Wrong("a \"[\" without its \"]\"");
            if (ClassAtom(out var first) is { } set)
            {
                bounds.AddRange(set.Bounds);
                continue;
            }
            if (_at + 1 >= _text.Length || _text[_at] != '-' || _text[_at + 1] == ']')
            {
                bounds.AddRange([first, first]);
                continue;
            }
            _at++;
            if (ClassAtom(out var last) is { } other)
            {
                bounds.AddRange([first, first, '-', '-']);
                bounds.AddRange(other.Bounds);
                continue;
            }
            if (last < first) throw Wrong("a range in the wrong order");
            bounds.AddRange([first, last]);
        }
        var result = new CharSet([.. bounds]);
        if (_ignoreCase) result = result.IgnoringCase();
        return negative ? result.Complement() : result;
    }

    /// <summary>A set, or null and one character.</summary>
    private CharSet? ClassAtom(out int codePoint)
    {
        codePoint = 0;
        if (!Take('\\'))
        {
            codePoint = CodePoint();
            return null;
        }
        if (IsAtEnd) throw Wrong("a backslash at the end");
        if (ClassEscape() is { } set) return set;
        if (Take('b')) codePoint = '\b';
        else codePoint = CharacterEscape();
        return null;
    }

    private int CodePoint()
    {
        var c = _text[_at++];
        if (!char.IsHighSurrogate(c) || IsAtEnd || !char.IsLowSurrogate(_text[_at])) return c;
        return char.ConvertToUtf32(c, _text[_at++]);
    }

    private int? Hex(int digits)
    {
        if (_at + digits > _text.Length) return null;
        if (!int.TryParse(_text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            return null;
        _at += digits;
        return value;
    }

    private CharSet Single(int codePoint)
    {
        var set = new CharSet(codePoint, codePoint);
        return _ignoreCase ? set.IgnoringCase() : set;
    }

    private static Pattern.Characters Of(CharSet set) => new(set);

    private bool Take(char c)
    {
        if (IsAtEnd || _text[_at] != c) return false;
        _at++;
        return true;
    }

    private ConstraintException Wrong(string what) =>
        new($"regex: must be a pattern of ECMA-262 without look-behind, back-references and word boundaries, found {what} near character "
            + $"{_at} of \"{Clip(_text)}\".");

    private static string Clip(string text) => text.Length <= 80 ? text : $"{text[..80]}...";
}
