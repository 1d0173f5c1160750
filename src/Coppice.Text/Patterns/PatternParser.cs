using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>
/// Reads a regular expression in the Ruby syntax of Oniguruma, which Hugging Face tokenizers use:
/// `^` and `$` are line places, `(?m)` lets a dot match line ends, classes nest and intersect.
/// </summary>
internal sealed class PatternParser
{
    private const int DeepestNesting = 200;
    private const int LargestCount = 1000;
    private const int MostRepeats = 10;

    private readonly string _pattern;
    private int _at;
    private int _depth;
    private bool _ignoreCase;
    private bool _dotMatchesLineEnd;
    private bool _extended;

    private PatternParser(string pattern) => _pattern = pattern;

    /// <summary>The tree of <paramref name="pattern"/>.</summary>
    /// <exception cref="PatternError">The pattern is malformed or not supported.</exception>
    public static PatternNode Parse(string pattern)
    {
        var parser = new PatternParser(pattern);
        var node = parser.ReadChoice();
        return parser._at == pattern.Length ? node : throw parser.Malformed("an unmatched closing parenthesis");
    }

    private PatternNode ReadChoice()
    {
        if (++_depth > DeepestNesting) throw Malformed("groups nested too deep");
        var (ignoreCase, dot, extended) = (_ignoreCase, _dotMatchesLineEnd, _extended);
        var alternatives = new List<PatternNode> { ReadChain() };
        while (TryTake('|')) alternatives.Add(ReadChain());
        (_ignoreCase, _dotMatchesLineEnd, _extended) = (ignoreCase, dot, extended);
        _depth--;
        return alternatives.Count == 1 ? alternatives[0] : new PatternNode.Choice([.. alternatives]);
    }

    private PatternNode ReadChain()
    {
        var parts = new List<PatternNode>();
        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')'))
        {
            if (SkipComment()) continue;
            if (ReadAtom() is not { } atom) continue;
            parts.Add(ReadRepeats(atom));
        }
        return parts.Count == 1 ? parts[0] : new PatternNode.Chain([.. parts]);
    }

    // Comments may stand before a repetition too.
    private PatternNode ReadRepeats(PatternNode atom)
    {
        for (var repeats = 0; ; repeats++)
        {
            while (SkipComment()) { }
            if (ReadRepeat(atom) is not { } repeated) return atom;
            if (repeats == MostRepeats) throw Malformed("too many repetitions of repetitions");
            atom = repeated;
        }
    }

    // Of all white space only these five characters are comments, and only in extended patterns; (?#...) is one everywhere.
    private bool SkipComment()
    {
        if (_at >= _pattern.Length) return false;
        if (_pattern.AsSpan(_at).StartsWith("(?#"))
        {
            SkipGroupComment();
            return true;
        }
        if (!_extended) return false;
        if (_pattern[_at] is ' ' or '\t' or '\n' or '\r' or '\f')
        {
            _at++;
            return true;
        }
        if (_pattern[_at] != '#') return false;
        while (_at < _pattern.Length && _pattern[_at] != '\n') _at++;
        return true;
    }

    private void SkipGroupComment()
    {
        for (_at += 3; _at < _pattern.Length && _pattern[_at] != ')'; _at++)
            if (_pattern[_at] == '\\') _at++;
        if (!TryTake(')')) throw Malformed("a comment without end");
    }

    // Null for an item that only sets options.
    private PatternNode? ReadAtom()
    {
        switch (_pattern[_at])
        {
            case '(':
                _at++;
                return ReadGroup();
            case '[':
                _at++;
                return new PatternNode.One(new ClassParser(_pattern, _ignoreCase).Read(ref _at));
            case '.':
                _at++;
                return new PatternNode.One(_dotMatchesLineEnd ? CharacterSet.All : CharacterSet.Of('\n').Complement());
            case '^':
                _at++;
                return new PatternNode.At(Place.LineStart);
            case '$':
                _at++;
                return new PatternNode.At(Place.LineEnd);
            case '\\':
                return ReadEscape();
            case '*' or '+' or '?':
            case '{' when IsCount():
                throw Malformed("a repetition of nothing");
            default:
                return new PatternNode.One(CharacterSet.Of(TakeLetter(), _ignoreCase));
        }
    }

    private PatternNode ReadEscape()
    {
        if (_at + 1 >= _pattern.Length) throw Malformed("a backslash at the end");
        PatternNode? place = _pattern[_at + 1] switch
        {
            'A' => new PatternNode.At(Place.TextStart),
            'z' => new PatternNode.At(Place.TextEnd),
            'Z' => new PatternNode.At(Place.TextEndOrLastLine),
            'b' => new PatternNode.At(Place.WordBoundary),
            'B' => new PatternNode.At(Place.NoWordBoundary),
            'R' => LineBreak(),
            'N' => new PatternNode.One(CharacterSet.Of('\n').Complement()),
            'O' => new PatternNode.One(CharacterSet.All),
            'X' or 'y' or 'Y' or 'k' or 'g' or 'K' or 'G' or >= '1' and <= '9' =>
                throw new PatternError($"\\{_pattern[_at + 1]} in a pattern", unsupported: true),
            _ => null,
        };
        if (place is not null)
        {
            _at += 2;
            return place;
        }
        return new PatternNode.One(new ClassParser(_pattern, _ignoreCase).ReadEscape(ref _at));
    }

    // \R: carriage return and line feed together, or one line end.
    private static PatternNode.Atomic LineBreak()
    {
        var ends = new CharacterSet(ranges: [0x0A, 0x0D, 0x85, 0x85, 0x2028, 0x2029]);
        var pair = new PatternNode.Chain([new PatternNode.One(CharacterSet.Of('\r')), new PatternNode.One(CharacterSet.Of('\n'))]);
        return new PatternNode.Atomic(new PatternNode.Choice([pair, new PatternNode.One(ends)]));
    }

    private PatternNode? ReadGroup()
    {
        if (!TryTake('?')) return Closed(ReadChoice());
        if (TryTake(':')) return Closed(ReadChoice());
        if (TryTake('=')) return new PatternNode.Look(Closed(ReadChoice()), Behind: false, Negated: false);
        if (TryTake('!')) return new PatternNode.Look(Closed(ReadChoice()), Behind: false, Negated: true);
        if (TryTake('>')) return new PatternNode.Atomic(Closed(ReadChoice()));
        if (TryTake('<'))
        {
            if (TryTake('=')) return new PatternNode.Look(Closed(ReadChoice()), Behind: true, Negated: false);
            if (TryTake('!')) return new PatternNode.Look(Closed(ReadChoice()), Behind: true, Negated: true);
            while (_at < _pattern.Length && (char.IsLetterOrDigit(_pattern[_at]) || _pattern[_at] == '_')) _at++;
            if (!TryTake('>')) throw Malformed("a group name without end");
            return Closed(ReadChoice());
        }
        return ReadOptions();
    }

    private PatternNode? ReadOptions()
    {
        var (ignoreCase, dot, extended) = (_ignoreCase, _dotMatchesLineEnd, _extended);
        for (var on = true; _at < _pattern.Length; _at++)
        {
            switch (_pattern[_at])
            {
                case '-': on = false; continue;
                case 'i': _ignoreCase = on; continue;
                case 'm': _dotMatchesLineEnd = on; continue;
                case 'x': _extended = on; continue;
                case ':':
                    _at++;
                    var part = Closed(ReadChoice());
                    (_ignoreCase, _dotMatchesLineEnd, _extended) = (ignoreCase, dot, extended);
                    return part;
                case ')':
                    // The options hold to the end of the group, alternatives included: a(?i)b|c means a(?i:b|c).
                    _at++;
                    return ReadChoice();
                default:
                    throw Malformed("an unknown kind of group");
            }
        }
        throw Malformed("a group without end");
    }

    private PatternNode.Repeat? ReadRepeat(PatternNode part)
    {
        if (_at >= _pattern.Length) return null;
        var mark = _at;
        var (least, most) = (0, (int?)null);
        var (counted, exact) = (false, false);
        switch (_pattern[_at++])
        {
            case '*': break;
            case '+': least = 1; break;
            case '?': most = 1; break;
            case '{' when TryReadCounts(out least, out most, out exact): counted = true; break;
            default:
                _at = mark;
                return null;
        }
        if (least > LargestCount || most > LargestCount) throw Malformed($"a repetition count above {LargestCount}");
        // After an exact count, ? is not lazy but a repetition of the repetition; so is + after any count.
        if (!exact && TryTake('?')) return new PatternNode.Repeat(part, least, most, Greed.Lazy);
        if (!counted && TryTake('+')) return new PatternNode.Repeat(part, least, most, Greed.Possessive);
        return new PatternNode.Repeat(part, least, most, Greed.Greedy);
    }

    private bool TryReadCounts(out int least, out int? most, out bool exact)
    {
        var mark = _at;
        var hasLeast = TryReadNumber(out least);
        most = hasLeast ? least : null;
        var comma = TryTake(',');
        exact = !comma;
        if (comma) most = TryReadNumber(out var number) ? number : null;
        if (TryTake('}') && (hasLeast || most is not null))
        {
            if (most < least) throw Malformed("a repetition whose counts are in the wrong order");
            return true;
        }
        // Braces that hold no count stand for themselves.
        _at = mark;
        return false;
    }

    private bool IsCount()
    {
        var mark = _at++;
        var isCount = TryReadCounts(out _, out _, out _);
        _at = mark;
        return isCount;
    }

    private bool TryReadNumber(out int number)
    {
        number = 0;
        var mark = _at;
        while (_at < _pattern.Length && char.IsAsciiDigit(_pattern[_at]))
            number = Math.Min(LargestCount + 1, number * 10 + (_pattern[_at++] - '0'));
        return _at > mark;
    }

    private PatternNode Closed(PatternNode node) => TryTake(')') ? node : throw Malformed("a group without end");

    private int TakeLetter()
    {
        var letter = CodePoints.At(_pattern, _at, out var length);
        _at += length;
        return letter;
    }

    private bool TryTake(char expected)
    {
        if (_at >= _pattern.Length || _pattern[_at] != expected) return false;
        _at++;
        return true;
    }

    private PatternError Malformed(string found) => new($"{found} at character {_at}");
}
