namespace Coppice.Constraints.Grammars;

/// <summary>
/// Reads EBNF (ISO 14977): "name = a, { b } | [ c ] ;". Commas may be left out, and ::= may stand for =. The first rule is the root.
/// </summary>
internal sealed class EbnfReader(string text) : GrammarReader(text, "EBNF")
{
    /// <summary>Reads all rules; the name of the first goes to <paramref name="root"/>.</summary>
    public Dictionary<string, GrammarExpression> Read(out string root)
    {
        root = "";
        for (Skip(); !IsAtEnd; Skip())
        {
            var name = Name();
            if (root.Length == 0) root = name;
            Skip();
            if (!Take("::=") && !Take("=")) throw Wrong("=");
            Add(name, Choice());
            Expect(";");
        }
        return Rules;
    }

    private void Skip()
    {
        while (!IsAtEnd)
        {
            if (char.IsWhiteSpace(Here)) At++;
            else if (Take("(*"))
            {
                var end = Text.IndexOf("*)", At, StringComparison.Ordinal);
                if (end < 0) throw Wrong("the end of a comment");
                At = end + 2;
            }
            else return;
        }
    }

    private GrammarExpression Choice()
    {
        var branches = new List<GrammarExpression> { Sequence() };
        while (Take("|")) branches.Add(Sequence());
        return Choose(branches);
    }

    private GrammarExpression Sequence()
    {
        var parts = new List<GrammarExpression>();
        for (Skip(); Atom() is { } atom; Skip())
        {
            Skip();
            if (Take("*")) atom = new GrammarExpression.Repeat(atom, 0, int.MaxValue);
            else if (Take("+")) atom = new GrammarExpression.Repeat(atom, 1, int.MaxValue);
            else if (Take("?")) atom = new GrammarExpression.Repeat(atom, 0, 1);
            parts.Add(atom);
            Skip();
            Take(",");
        }
        return Join(parts);
    }

    private GrammarExpression? Atom()
    {
        if (Take("\"")) return Literal('"');
        if (Take("'")) return Literal('\'');
        if (Take("(")) return Group(")", 1, 1);
        if (Take("[")) return Group("]", 0, 1);
        if (Take("{")) return Group("}", 0, int.MaxValue);
        return char.IsAsciiLetterOrDigit(Here) || Here == '_' ? new GrammarExpression.Rule(Name()) : null;
    }

    private GrammarExpression.Repeat Group(string close, int least, int most)
    {
        var inner = Nested(Choice);
        Expect(close);
        return new GrammarExpression.Repeat(inner, least, most);
    }

    private GrammarExpression Literal(char quote)
    {
        var end = Text.IndexOf(quote, At);
        if (end < 0) throw Wrong("the end of a literal");
        var literal = Text[At..end];
        At = end + 1;
        return GrammarExpression.Literal(literal);
    }
}
