using System.Globalization;
using System.Text;
using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Grammars;

/// <summary>
/// Reads a part of Lark's notation: rules and terminals with | ( ) [ ] * + ? ~n ~n..m, "text" and "text"i, /pattern/ with the flags i and
/// s, "a".."z", aliases (without effect), priorities (without effect), %ignore, and %import common.NAME for common terminals. The rule
/// start is the root.
/// </summary>
internal sealed class LarkReader(string text) : GrammarReader(text, "Lark")
{
    private const string Ignored = "%ignore";

    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        ["DIGIT"] = "[0-9]",
        ["HEXDIGIT"] = "[0-9A-Fa-f]",
        ["INT"] = "[0-9]+",
        ["SIGNED_INT"] = "[+-]?[0-9]+",
        ["DECIMAL"] = @"[0-9]+\.[0-9]*|\.[0-9]+",
        ["FLOAT"] = @"([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+",
        ["NUMBER"] = @"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?",
        ["SIGNED_NUMBER"] = @"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?",
        ["ESCAPED_STRING"] = @"""([^""\\\n]|\\.)*""",
        ["LCASE_LETTER"] = "[a-z]",
        ["UCASE_LETTER"] = "[A-Z]",
        ["LETTER"] = "[A-Za-z]",
        ["WORD"] = "[A-Za-z]+",
        ["CNAME"] = "[A-Za-z_][A-Za-z_0-9]*",
        ["WS_INLINE"] = "[ \t]+",
        ["WS"] = "[ \t\f\r\n]+",
        ["CR"] = "\r",
        ["LF"] = "\n",
        ["NEWLINE"] = "(\r?\n)+",
    };

    private readonly List<GrammarExpression> _ignored = [];

    /// <summary>Reads all rules.</summary>
    public Dictionary<string, GrammarExpression> Read()
    {
        for (Skip(lines: true); !IsAtEnd; Skip(lines: true))
        {
            if (Take("%ignore"))
            {
                Skip(lines: false);
                _ignored.Add(Choice(inTerminal: true));
            }
            else if (Take("%import")) Import();
            else Rule();
        }
        // What is ignored may stand after every terminal, and before the first.
        Rules[Ignored] = new GrammarExpression.Repeat(Choose([.. _ignored, new GrammarExpression.Sequence([])]), 0, _ignored.Count == 0
            ? 0 : int.MaxValue);
        if (Rules.TryGetValue("start", out var start))
            Rules["start"] = new GrammarExpression.Sequence([new GrammarExpression.Rule(Ignored), start]);
        return Rules;
    }

    private void Skip(bool lines)
    {
        while (!IsAtEnd)
        {
            if (Text.AsSpan(At).StartsWith("//")) while (!IsAtEnd && Here != '\n') At++;
            else if (Here is ' ' or '\t' || (lines && Here is '\n' or '\r')) At++;
            else return;
        }
    }

    private void Import()
    {
        Skip(lines: false);
        Expect("common.");
        var name = Name();
        Skip(lines: false);
        var alias = name;
        if (Take("->"))
        {
            Skip(lines: false);
            alias = Name();
        }
        if (!Known.TryGetValue(name, out var pattern)) throw Wrong($"a terminal of common that is known, and {name} is none");
        Add(alias, GrammarExpression.Of(PatternParser.Parse(pattern)));
    }

    private void Rule()
    {
        var name = Name().TrimStart('?', '!');
        if (Take(".")) while (char.IsAsciiDigit(Here)) At++;
        Skip(lines: false);
        Expect(":");
        Add(name, Choice(IsTerminal(name)));
    }

    private static bool IsTerminal(string name) => char.IsAsciiLetterUpper(name.TrimStart('_').FirstOrDefault());

    private GrammarExpression Choice(bool inTerminal)
    {
        var branches = new List<GrammarExpression> { Sequence(inTerminal) };
        while (NextBranch()) branches.Add(Sequence(inTerminal));
        return Choose(branches);
    }

    /// <summary>A branch may begin on a new line.</summary>
    private bool NextBranch()
    {
        var before = At;
        Skip(lines: true);
        if (Take("|")) return true;
        At = before;
        return false;
    }

    private GrammarExpression Sequence(bool inTerminal)
    {
        var parts = new List<GrammarExpression>();
        Skip(lines: false);
        while (Atom(inTerminal) is { } atom)
        {
            for (; ; )
            {
                if (Take("*")) atom = new GrammarExpression.Repeat(atom, 0, int.MaxValue);
                else if (Take("+")) atom = new GrammarExpression.Repeat(atom, 1, int.MaxValue);
                else if (Take("?")) atom = new GrammarExpression.Repeat(atom, 0, 1);
                else if (Take("~")) atom = Times(atom);
                else break;
            }
            parts.Add(atom);
            Skip(lines: false);
        }
        if (Take("->"))
        {
            Skip(lines: false);
            Name();
        }
        return Join(parts);
    }

    private GrammarExpression.Repeat Times(GrammarExpression atom)
    {
        var least = Digits();
        var most = Take("..") ? Digits() : least;
        return least <= most ? new GrammarExpression.Repeat(atom, least, most) : throw Wrong("counts in order");
    }

    private int Digits()
    {
        Skip(lines: false);
        var start = At;
        while (char.IsAsciiDigit(Here)) At++;
        return Number(Text[start..At]);
    }

    private GrammarExpression? Atom(bool inTerminal)
    {
        if (Here == '"')
        {
            var first = Quoted();
            if (!Take("..")) return Terminal(GrammarExpression.Literal(first, Take("i")), inTerminal);
            var last = Quoted();
            if (first.EnumerateRunes().Count() != 1 || last.EnumerateRunes().Count() != 1) throw Wrong("a range of single characters");
            return Terminal(new GrammarExpression.Characters(
                new CharSet(first.EnumerateRunes().First().Value, last.EnumerateRunes().First().Value)), inTerminal);
        }
        if (Here == '/' && !Text.AsSpan(At).StartsWith("//")) return Terminal(Regex(), inTerminal);
        if (Take("(")) return Group(")", 1, inTerminal);
        if (Take("[")) return Group("]", 0, inTerminal);
        if (!char.IsAsciiLetter(Here) && Here is not ('_' or '?' or '!')) return null;
        var before = At;
        var name = Name();
        // A name with a colon after it begins the next rule.
        Skip(lines: false);
        if (Here == ':')
        {
            At = before;
            return null;
        }
        var reference = new GrammarExpression.Rule(name.TrimStart('?', '!'));
        return IsTerminal(name) ? Terminal(reference, inTerminal) : reference;
    }

    private static GrammarExpression Terminal(GrammarExpression terminal, bool inTerminal) =>
        inTerminal ? terminal : new GrammarExpression.Sequence([terminal, new GrammarExpression.Rule(Ignored)]);

    private GrammarExpression.Repeat Group(string close, int least, bool inTerminal)
    {
        Skip(lines: true);
        var inner = Nested(() => Choice(inTerminal));
        Skip(lines: true);
        Expect(close);
        return new GrammarExpression.Repeat(inner, least, 1);
    }

    private string Quoted()
    {
        Expect("\"");
        var result = new StringBuilder();
        while (!Take("\""))
        {
            if (IsAtEnd || Here == '\n') throw Wrong("the end of a string");
            var c = Text[At++];
            if (c != '\\' || IsAtEnd)
            {
                result.Append(c);
                continue;
            }
            c = Text[At++];
            result.Append(c switch { 'n' => '\n', 'r' => '\r', 't' => '\t', 'f' => '\f', 'x' => Hex(2), 'u' => Hex(4), _ => c });
        }
        return result.ToString();
    }

    private char Hex(int digits)
    {
        if (At + digits > Text.Length
            || !int.TryParse(Text.AsSpan(At, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            throw Wrong($"{digits} hexadecimal digits");
        At += digits;
        return (char)value;
    }

    private GrammarExpression Regex()
    {
        var start = ++At;
        while (!IsAtEnd && Here != '/' && Here != '\n') At += Here == '\\' ? 2 : 1;
        if (Here != '/') throw Wrong("the end of a pattern");
        var pattern = Text[start..At++];
        while (Here is 'i' or 's' or 'm' or 'x' or 'u')
        {
            if (Here == 'i') pattern = $"(?i){pattern}";
            else if (Here != 's' && Here != 'u') throw Wrong("the flags i, s or u");
            At++;
        }
        return GrammarExpression.Of(PatternParser.Parse(pattern));
    }
}
