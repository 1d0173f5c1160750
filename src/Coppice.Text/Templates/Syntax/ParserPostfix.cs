namespace Coppice.Text.Templates;

internal sealed partial class Parser
{
    private Expression ParsePostfix(Expression node)
    {
        while (Current.Kind == TokenKind.Operator)
        {
            if (Current.Text is "." or "[") node = ParseSubscript(node);
            else if (Current.Text == "(") node = ParseCall(node);
            else break;
        }
        return node;
    }

    private Expression ParseFiltersAndTests(Expression node)
    {
        while (true)
        {
            if (Current.IsOperator("|")) node = ParseFilters(node);
            else if (Current.IsName("is")) node = ParseTest(node);
            else if (Current.IsOperator("(")) node = ParseCall(node);
            else return node;
        }
    }

    private Expression ParseSubscript(Expression node)
    {
        var opening = Advance();
        if (opening.Text == ".")
        {
            var name = Advance();
            return name.Kind switch
            {
                TokenKind.Name => new AttributeExpression(node, name.Text, opening.Line),
                TokenKind.Integer => new ItemExpression(node, new ConstantExpression(name.Number, name.Line), opening.Line),
                _ => throw TemplateException.Syntax("expected name or number", name.Line),
            };
        }
        var indices = new List<Expression>();
        while (!Current.IsOperator("]"))
        {
            if (indices.Count > 0) ExpectOperator(",");
            indices.Add(ParseIndex());
        }
        ExpectOperator("]");
        if (indices.Count == 1) return new ItemExpression(node, indices[0], opening.Line);
        if (indices.Exists(index => index is SliceExpression)) throw Failure("a slice must be a subscript's only index");
        return new ItemExpression(node, new TupleExpression(indices, opening.Line), opening.Line);
    }

    private Expression ParseIndex()
    {
        var line = Current.Line;
        Expression? start = null;
        if (!Current.IsOperator(":"))
        {
            start = ParseExpression();
            if (!Current.IsOperator(":")) return start;
        }
        ExpectOperator(":");
        var stop = Current.IsOperator(":") ? null : ParseBound();
        var step = SkipOperator(":") ? ParseBound() : null;
        return new SliceExpression(start, stop, step, line);
    }

    private Expression? ParseBound() => Current.IsOperator("]") || Current.IsOperator(",") ? null : ParseExpression();

    private CallExpression ParseCall(Expression node)
    {
        var line = Current.Line;
        return new CallExpression(node, ParseArguments(), line);
    }

    private CallArguments ParseArguments()
    {
        var line = Current.Line;
        var positional = new List<Expression>();
        var keywords = new List<(string Name, Expression Value)>();
        Expression? star = null, doubleStar = null;
        void Ensure(bool holds)
        {
            if (!holds) throw TemplateException.Syntax("invalid syntax for function call expression", line);
        }
        ExpectOperator("(");
        for (var first = true; !Current.IsOperator(")"); first = false)
        {
            if (!first) ExpectOperator(",");
            if (Current.IsOperator(")")) break;
            if (SkipOperator("*"))
            {
                Ensure(star is null && doubleStar is null);
                star = ParseExpression();
            }
            else if (SkipOperator("**"))
            {
                Ensure(doubleStar is null);
                doubleStar = ParseExpression();
            }
            else if (Current.Kind == TokenKind.Name && Ahead.IsOperator("="))
            {
                var name = Advance().Text;
                Advance();
                Ensure(doubleStar is null && !keywords.Exists(keyword => keyword.Name == name));
                keywords.Add((name, ParseExpression()));
            }
            else
            {
                Ensure(star is null && doubleStar is null && keywords.Count == 0);
                positional.Add(ParseExpression());
            }
        }
        ExpectOperator(")");
        return new CallArguments(positional, keywords, star, doubleStar);
    }

    private string ParseDottedName()
    {
        var parts = new List<string>();
        do parts.Add(ExpectIdentifier());
        while (SkipOperator("."));
        return string.Join('.', parts);
    }

    private FilterExpression ParseFilters(Expression? node, bool startsInline = false)
    {
        FilterExpression? filter = null;
        while (filter is null || Current.IsOperator("|"))
        {
            if (filter is not null || !startsInline) ExpectOperator("|");
            var line = Current.Line;
            var name = ParseDottedName();
            filter = new FilterExpression(node, name, Current.IsOperator("(") ? ParseArguments() : CallArguments.None, line);
            node = filter;
        }
        return filter;
    }

    private Expression ParseTest(Expression node)
    {
        var line = Advance().Line;
        var negated = SkipName("not");
        var name = ParseDottedName();
        var arguments = CallArguments.None;
        if (Current.IsOperator("("))
        {
            arguments = ParseArguments();
        }
        else if (StartsTestArgument())
        {
            if (Current.IsName("is")) throw Failure("You cannot chain multiple tests with is");
            arguments = CallArguments.None with { Positional = [ParsePostfix(ParsePrimary())] };
        }
        var test = new TestExpression(node, name, arguments, line);
        return negated ? new NotExpression(test, line) : test;
    }

    private bool StartsTestArgument() => Current.Kind switch
    {
        TokenKind.Name => Current.Text is not ("else" or "or" or "and"),
        TokenKind.Text or TokenKind.Integer or TokenKind.Real => true,
        TokenKind.Operator => Current.Text is "[" or "{",
        _ => false,
    };
}
