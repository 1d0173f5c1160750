using System.Globalization;
using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Grammars;

/// <summary>Reads GBNF, the notation of llama.cpp: "name ::= ...", a rule a line, the first rule called root.</summary>
internal sealed class GbnfReader(string text, TokenVocabulary vocabulary) : GrammarReader(text, "GBNF")
{
    /// <summary>Reads all rules.</summary>
    public Dictionary<string, GrammarExpression> Read()
    {
        for (Skip(lines: true); !IsAtEnd; Skip(lines: true))
        {
            var name = Name();
            Skip(lines: false);
            Expect("::=");
            Skip(lines: true);
            Add(name, Choice(isNested: false));
            Skip(lines: false);
            if (!IsAtEnd && Here is not ('\n' or '\r')) throw Wrong("the end of the rule");
        }
        return Rules;
    }

    private void Skip(bool lines)
    {
        while (!IsAtEnd)
        {
            if (Here == '#') while (!IsAtEnd && Here is not ('\n' or '\r')) At++;
            else if (Here is ' ' or '\t' || (lines && Here is '\n' or '\r')) At++;
            else return;
        }
    }

    private GrammarExpression Choice(bool isNested)
    {
        var branches = new List<GrammarExpression> { Sequence(isNested) };
        while (Take("|"))
        {
            Skip(lines: true);
            branches.Add(Sequence(isNested));
        }
        return Choose(branches);
    }

    private GrammarExpression Sequence(bool isNested)
    {
        var parts = new List<GrammarExpression>();
        while (Atom() is { } atom)
        {
            Skip(isNested);
            for (; ; Skip(isNested))
            {
                if (Take("*")) atom = new GrammarExpression.Repeat(atom, 0, int.MaxValue);
                else if (Take("+")) atom = new GrammarExpression.Repeat(atom, 1, int.MaxValue);
                else if (Take("?")) atom = new GrammarExpression.Repeat(atom, 0, 1);
                else if (Take("{"))
                {
                    var (least, most) = Counts('}');
                    atom = new GrammarExpression.Repeat(atom, least, most);
                }
                else break;
            }
            parts.Add(atom);
        }
        return Join(parts);
    }

    private GrammarExpression? Atom()
    {
        if (IsAtEnd) return null;
        if (Take("\"")) return Literal();
        if (Take("[")) return new GrammarExpression.Characters(Class());
        if (Take(".")) return new GrammarExpression.Characters(CharSet.All);
        if (Take("!<")) return Token(isNegated: true);
        if (Take("<")) return Token(isNegated: false);
        if (Take("("))
        {
            Skip(lines: true);
            var inner = Nested(() => Choice(isNested: true));
            Skip(lines: true);
            Expect(")");
            return inner;
        }
        return char.IsAsciiLetterOrDigit(Here) || Here is '_' or '-' ? new GrammarExpression.Rule(Name()) : null;
    }

    private GrammarExpression.Sequence Literal()
    {
        var parts = new List<GrammarExpression>();
        while (!Take("\""))
        {
            if (IsAtEnd || Here is '\n') throw Wrong("the end of a literal");
            var c = Character();
            parts.Add(new GrammarExpression.Characters(new CharSet(c, c)));
        }
        return new GrammarExpression.Sequence(parts);
    }

    private CharSet Class()
    {
        var isNegated = Take("^");
        var bounds = new List<int>();
        while (!Take("]"))
        {
            if (IsAtEnd) throw Wrong("the end of a class");
            var first = Character();
            var last = first;
            if (Here == '-' && At + 1 < Text.Length && Text[At + 1] != ']')
            {
                At++;
                last = Character();
            }
            if (last < first) throw Wrong("a range in order");
            bounds.AddRange([first, last]);
        }
        var set = new CharSet([.. bounds]);
        return isNegated ? set.Complement() : set;
    }

    private int Character()
    {
        var c = Text[At++];
        if (c != '\\')
            return char.IsHighSurrogate(c) && !IsAtEnd && char.IsLowSurrogate(Here) ? char.ConvertToUtf32(c, Text[At++]) : c;
        if (IsAtEnd) throw Wrong("an escape");
        c = Text[At++];
        return c switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'x' => Hex(2),
            'u' => Hex(4),
            'U' => Hex(8),
            '"' or '\\' or '[' or ']' or '-' or '^' or '/' or '.' => c,
            _ => throw Wrong("an escape that is known"),
        };
    }

    private int Hex(int digits)
    {
        if (At + digits > Text.Length
            || !int.TryParse(Text.AsSpan(At, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || value is < 0 or > CharSet.Last or (>= 0xD800 and <= 0xDFFF)) throw Wrong($"{digits} hexadecimal digits of a character");
        At += digits;
        return value;
    }

    private GrammarExpression.Token Token(bool isNegated)
    {
        var end = Text.IndexOf('>', At);
        if (end < 0) throw Wrong("the end of a token");
        var name = Text[At..end];
        At = end + 1;
        if (name is ['[', .. var digits, ']'] && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            return id < vocabulary.Count
                ? new GrammarExpression.Token([id], isNegated) : throw Wrong($"a token id below {vocabulary.Count}");
        return vocabulary.SpecialId($"<{name}>") is { } special
            ? new GrammarExpression.Token([special], isNegated) : throw Wrong($"a special token, and <{name}> is none");
    }
}
