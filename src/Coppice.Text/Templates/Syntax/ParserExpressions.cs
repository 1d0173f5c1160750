namespace Coppice.Text.Templates;

internal sealed partial class Parser
{
    private Expression ParseExpression(bool withConditional = true) => withConditional ? ParseConditional() : ParseOr();

    private Expression ParseConditional()
    {
        Enter();
        var expression = ParseOr();
        while (Current.IsName("if"))
        {
            var line = Advance().Line;
            var test = ParseOr();
            var otherwise = SkipName("else") ? ParseConditional() : null;
            expression = new ConditionalExpression(test, expression, otherwise, line);
        }
        Leave();
        return expression;
    }

    private Expression ParseOr()
    {
        var left = ParseAnd();
        while (Current.IsName("or")) left = new LogicalExpression(false, left, After(ParseAnd), left.Line);
        return left;
    }

    private Expression ParseAnd()
    {
        var left = ParseNot();
        while (Current.IsName("and")) left = new LogicalExpression(true, left, After(ParseNot), left.Line);
        return left;
    }

    /// <summary>The operand after the current token.</summary>
    private Expression After(Func<Expression> parse)
    {
        Advance();
        return parse();
    }

    private Expression ParseNot()
    {
        if (!Current.IsName("not")) return ParseCompare();
        Enter();
        var line = Advance().Line;
        var operand = ParseNot();
        Leave();
        return new NotExpression(operand, line);
    }

    private Expression ParseCompare()
    {
        var first = ParseSum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            if (Current.Kind == TokenKind.Operator && Current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
                rest.Add((Advance().Text, ParseSum()));
            else if (Current.IsName("in")) rest.Add((Advance().Text, ParseSum()));
            else if (Current.IsName("not") && Ahead.IsName("in"))
            {
                Advance();
                Advance();
                rest.Add(("not in", ParseSum()));
            }
            else break;
        }
        return rest.Count == 0 ? first : new CompareExpression(first, rest, first.Line);
    }

    private Expression ParseSum()
    {
        var left = ParseConcat();
        while (Current.Kind == TokenKind.Operator && Current.Text is "+" or "-")
            left = new ArithmeticExpression(Current.Text, left, After(ParseConcat), left.Line);
        return left;
    }

    private Expression ParseConcat()
    {
        var first = ParseProduct();
        if (!Current.IsOperator("~")) return first;
        var parts = new List<Expression> { first };
        while (Current.IsOperator("~")) parts.Add(After(ParseProduct));
        return new ConcatExpression(parts, _escaping, first.Line);
    }

    private Expression ParseProduct()
    {
        var left = ParsePower();
        while (Current.Kind == TokenKind.Operator && Current.Text is "*" or "/" or "//" or "%")
            left = new ArithmeticExpression(Current.Text, left, After(ParsePower), left.Line);
        return left;
    }

    // Jinja's power binds from the left and, unlike Python's, less tightly than a sign.
    private Expression ParsePower()
    {
        var left = ParseUnary();
        while (Current.IsOperator("**")) left = new ArithmeticExpression("**", left, After(() => ParseUnary()), left.Line);
        return left;
    }

    private Expression ParseUnary(bool withFilter = true)
    {
        Expression node;
        if (Current.Kind == TokenKind.Operator && Current.Text is "-" or "+")
        {
            Enter();
            var sign = Advance();
            node = new SignExpression(sign.Text == "-", ParseUnary(withFilter: false), sign.Line);
            Leave();
        }
        else
        {
            node = ParsePrimary();
        }
        node = ParsePostfix(node);
        return withFilter ? ParseFiltersAndTests(node) : node;
    }

    private Expression ParsePrimary(bool withNamespace = false)
    {
        var token = Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                Advance();
                return ParseNamed(token, withNamespace);
            case TokenKind.Text:
                var parts = new List<string>();
                while (Current.Kind == TokenKind.Text) parts.Add(Advance().Text);
                return new ConstantExpression(string.Concat(parts), token.Line);
            case TokenKind.Integer or TokenKind.Real:
                Advance();
                return new ConstantExpression(token.Number, token.Line);
            case TokenKind.Operator when token.Text == "(":
                Advance();
                var inside = ParseTuple(inParentheses: true);
                ExpectOperator(")");
                return inside;
            case TokenKind.Operator when token.Text == "[":
                return ParseList();
            case TokenKind.Operator when token.Text == "{":
                return ParseDict();
            default:
                throw Failure($"unexpected '{token.Description}'");
        }
    }

    private Expression ParseNamed(Token token, bool withNamespace)
    {
        if (token.Text is "true" or "True") return new ConstantExpression(true, token.Line);
        if (token.Text is "false" or "False") return new ConstantExpression(false, token.Line);
        if (token.Text is "none" or "None") return new ConstantExpression(null, token.Line);
        if (withNamespace && SkipOperator(".")) return new NamespaceTarget(token.Text, ExpectIdentifier(), token.Line);
        return new NameExpression(token.Text, NameUse.Load, token.Line);
    }

    /// <summary>One expression, or several with commas between as a tuple.</summary>
    private Expression ParseTuple(
        bool targetsOnly = false, bool withConditional = true, bool inParentheses = false, bool withNamespace = false)
    {
        var line = Current.Line;
        var items = new List<Expression>();
        var isTuple = false;
        Enter();
        while (true)
        {
            if (items.Count > 0) ExpectOperator(",");
            if (Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd || Current.IsOperator(")")) break;
            items.Add(targetsOnly ? ParsePrimary(withNamespace) : ParseExpression(withConditional));
            if (!Current.IsOperator(",")) break;
            isTuple = true;
        }
        Leave();
        if (isTuple) return new TupleExpression(items, line);
        if (items.Count > 0) return items[0];
        return inParentheses ? new TupleExpression(items, line) : throw Failure($"Expected an expression, got '{Current.Description}'");
    }

    private ListExpression ParseList()
    {
        var line = Advance().Line;
        var items = new List<Expression>();
        while (!Current.IsOperator("]"))
        {
            if (items.Count > 0) ExpectOperator(",");
            if (Current.IsOperator("]")) break;
            items.Add(ParseExpression());
        }
        ExpectOperator("]");
        return new ListExpression(items, line);
    }

    private DictExpression ParseDict()
    {
        var line = Advance().Line;
        var pairs = new List<(Expression, Expression)>();
        while (!Current.IsOperator("}"))
        {
            if (pairs.Count > 0) ExpectOperator(",");
            if (Current.IsOperator("}")) break;
            var key = ParseExpression();
            ExpectOperator(":");
            pairs.Add((key, ParseExpression()));
        }
        ExpectOperator("}");
        return new DictExpression(pairs, line);
    }
}
