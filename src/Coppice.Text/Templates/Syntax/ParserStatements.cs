namespace Coppice.Text.Templates;

internal sealed partial class Parser
{
    private void ParsePrint(List<Statement> body)
    {
        for (var first = true; Current.Kind != TokenKind.BlockEnd; first = false)
        {
            if (!first) ExpectOperator(",");
            body.Add(new PrintStatement(ParseExpression(), _escaping, Current.Line));
        }
    }

    private ForStatement ParseFor(int line)
    {
        var target = ParseTarget(NameUse.Store);
        ExpectName("in");
        var source = ParseTuple(withConditional: false);
        var test = SkipName("if") ? ParseExpression() : null;
        var recursive = SkipName("recursive");
        var body = ParseBlockBody("endfor", "else");
        List<Statement> otherwise = Advance().Text == "else" ? ParseLastBody("endfor") : [];
        return new ForStatement(target, source, test, recursive, body, otherwise, line);
    }

    private IfStatement ParseIf(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        while (true)
        {
            var test = ParseTuple(withConditional: false);
            branches.Add((test, ParseBlockBody("elif", "else", "endif")));
            var tag = Advance();
            if (tag.Text == "elif") continue;
            return new IfStatement(branches, tag.Text == "else" ? ParseLastBody("endif") : [], line);
        }
    }

    private Statement ParseSet(int line)
    {
        var target = ParseTarget(NameUse.Store, withNamespace: true);
        if (SkipOperator("=")) return new SetStatement(target, ParseTuple(), line);
        var filter = Current.IsOperator("|") ? ParseFilters(null) : null;
        return new SetBlockStatement(target, filter, ParseLastBody("endset"), _escaping, line);
    }

    private MacroStatement ParseMacro(int line)
    {
        var name = ParseTargetName();
        var (parameters, defaults) = ParseSignature();
        return new MacroStatement(new MacroBody(name, parameters, defaults, ParseLastBody("endmacro"), line), line);
    }

    private CallBlockStatement ParseCallBlock(int line)
    {
        var (parameters, defaults) = Current.IsOperator("(") ? ParseSignature() : ([], []);
        if (ParseExpression() is not CallExpression call) throw TemplateException.Syntax("expected call", line);
        return new CallBlockStatement(call, new MacroBody(null, parameters, defaults, ParseLastBody("endcall"), line), line);
    }

    private (List<NameExpression> Parameters, List<Expression> Defaults) ParseSignature()
    {
        var parameters = new List<NameExpression>();
        var defaults = new List<Expression>();
        ExpectOperator("(");
        while (!Current.IsOperator(")"))
        {
            if (parameters.Count > 0) ExpectOperator(",");
            var line = Current.Line;
            var name = ParseTargetName();
            if (parameters.Exists(other => other.Name == name)) throw Failure($"duplicate argument '{name}' in a macro's definition");
            parameters.Add(new NameExpression(name, NameUse.Parameter, line));
            if (SkipOperator("=")) defaults.Add(ParseExpression());
            else if (defaults.Count > 0) throw Failure("non-default argument follows default argument");
        }
        ExpectOperator(")");
        return (parameters, defaults);
    }

    private FilterBlockStatement ParseFilterBlock(int line)
    {
        var filter = ParseFilters(null, startsInline: true);
        return new FilterBlockStatement(filter, ParseLastBody("endfilter"), _escaping, line);
    }

    private WithStatement ParseWith(int line)
    {
        var bindings = new List<(Expression, Expression)>();
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (bindings.Count > 0) ExpectOperator(",");
            var target = ParseTarget(NameUse.Parameter);
            ExpectOperator("=");
            bindings.Add((target, ParseExpression()));
        }
        return new WithStatement(bindings, ParseLastBody("endwith"), line);
    }

    private BlockStatement ParseBlock(int line)
    {
        var name = ExpectIdentifier();
        if (!_blocks.TryAdd(name, null)) throw Failure($"block '{name}' defined twice");
        var scoped = SkipName("scoped");
        var required = SkipName("required");
        var body = ParseLastBody("endblock");
        if (required) throw TemplateException.Syntax($"Required block '{name}' not found", line);
        SkipName(name);
        var block = new BlockStatement(name, scoped, body, line);
        _blocks[name] = block;
        return block;
    }

    private AutoescapeStatement ParseAutoescape(int line)
    {
        var expression = ParseExpression();
        var around = _escaping;
        _escaping = expression is ConstantExpression constant
            ? Facts.IsTrue(constant.Value) ? Escaping.Always : Escaping.Never
            : Escaping.AsTheBlockSays;
        var body = ParseLastBody("endautoescape");
        _escaping = around;
        return new AutoescapeStatement(expression, body, line);
    }

    private OtherTemplateStatement ParseOtherTemplate(Token tag)
    {
        var template = ParseExpression();
        var targets = new List<NameExpression>();
        if (tag.Text == "import")
        {
            ExpectName("as");
            targets.Add(new NameExpression(ParseTargetName(), NameUse.Store, tag.Line));
        }
        else if (tag.Text == "from")
        {
            ExpectName("import");
            do
            {
                var name = ParseTargetName();
                targets.Add(new NameExpression(SkipName("as") ? ParseTargetName() : name, NameUse.Store, tag.Line));
            }
            while (SkipOperator(","));
        }
        else if (tag.Text == "include" && SkipName("ignore"))
        {
            ExpectName("missing");
        }
        if (Current.IsName("with") || Current.IsName("without"))
        {
            Advance();
            ExpectName("context");
        }
        return new OtherTemplateStatement(template, targets, tag.Line);
    }

    private string ParseTargetName()
    {
        var name = ExpectIdentifier();
        return IsConstantName(name) ? throw Failure("can't assign to 'const'") : name;
    }

    private static bool IsConstantName(string name) => name is "true" or "false" or "none" or "True" or "False" or "None";

    /// <summary>The target of an assignment: a name, a tuple of targets or, in set, an attribute of a namespace.</summary>
    private Expression ParseTarget(NameUse use, bool withNamespace = false) =>
        ToTarget(ParseTuple(targetsOnly: true, withNamespace: withNamespace), use);

    private static Expression ToTarget(Expression parsed, NameUse use) => parsed switch
    {
        NameExpression name => name with { Use = use },
        NamespaceTarget => parsed,
        TupleExpression tuple => new TupleExpression([.. tuple.Items.Select(item => ToTarget(item, use))], tuple.Line),
        _ => throw TemplateException.Syntax($"can't assign to '{parsed.GetType().Name}'", parsed.Line),
    };
}
