namespace Coppice.Text.Templates;

/// <summary>A statement. Those with a scope of their own get it from <see cref="ScopeAnalyzer"/> before the first rendering.</summary>
internal abstract record Statement(int Line) : Node(Line);

/// <summary>Template text to print as it is.</summary>
internal sealed record DataStatement(string Text, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => [];
}

/// <summary>Whether what a template prints is escaped for HTML where it stands.</summary>
internal enum Escaping
{
    /// <summary>It is not; so is every template outside of autoescape blocks.</summary>
    Never,

    /// <summary>It is.</summary>
    Always,

    /// <summary>The value of the block's expression tells.</summary>
    AsTheBlockSays,
}

/// <summary>A value to print.</summary>
internal sealed record PrintStatement(Expression Value, Escaping Escaping, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => [Value];
}

/// <summary>A conditional: branches in order, and what runs when none is taken.</summary>
internal sealed record IfStatement(
    IReadOnlyList<(Expression Test, IReadOnlyList<Statement> Body)> Branches, IReadOnlyList<Statement> Else, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => Branches.SelectMany(branch => branch.Body.Prepend<Node>(branch.Test)).Concat(Else);
}

/// <summary>A loop.</summary>
internal sealed record ForStatement(
    Expression Target, Expression Source, Expression? Test, bool Recursive,
    IReadOnlyList<Statement> Body, IReadOnlyList<Statement> Else, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children =>
        new Node[] { Target, Source }.Concat(Body).Concat(Else).Concat(Test is null ? [] : [Test]);

    /// <summary>The scope of the body.</summary>
    public Scope BodyScope { get; set; } = null!;

    /// <summary>The scope of the condition after `if`.</summary>
    public Scope TestScope { get; set; } = null!;

    /// <summary>The scope of the else part.</summary>
    public Scope ElseScope { get; set; } = null!;

    /// <summary>Whether the body reads the variable loop.</summary>
    public bool UsesLoop { get; set; }
}

/// <summary>Leaves the innermost loop, or goes on with its next round.</summary>
internal sealed record LoopControlStatement(bool IsBreak, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => [];
}

/// <summary>Assigns a value.</summary>
internal sealed record SetStatement(Expression Target, Expression Value, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => [Target, Value];
}

/// <summary>Assigns the text that a block prints, after its filter.</summary>
internal sealed record SetBlockStatement(
    Expression Target, FilterExpression? Filter, IReadOnlyList<Statement> Body, Escaping Escaping, int Line)
    : Statement(Line)
{
    public override IEnumerable<Node> Children => (Filter is null ? new Node[] { Target } : [Target, Filter]).Concat(Body);

    /// <summary>The scope of the block.</summary>
    public Scope Scope { get; set; } = null!;
}

/// <summary>Prints a block's text after a filter.</summary>
internal sealed record FilterBlockStatement(FilterExpression Filter, IReadOnlyList<Statement> Body, Escaping Escaping, int Line)
    : Statement(Line)
{
    public override IEnumerable<Node> Children => Body.Append<Node>(Filter);

    /// <summary>The scope of the block and of the filter's arguments.</summary>
    public Scope Scope { get; set; } = null!;
}

/// <summary>Names bound for the length of a block.</summary>
internal sealed record WithStatement(
    IReadOnlyList<(Expression Target, Expression Value)> Bindings, IReadOnlyList<Statement> Body, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children =>
        Bindings.Select(binding => (Node)binding.Target).Concat(Bindings.Select(binding => binding.Value)).Concat(Body);

    /// <summary>The scope of the block.</summary>
    public Scope Scope { get; set; } = null!;
}

/// <summary>A block of statements that prints text when called: the body of a macro, a call block or a generation block.</summary>
internal sealed record MacroBody(
    string? Name, IReadOnlyList<NameExpression> Parameters, IReadOnlyList<Expression> Defaults, IReadOnlyList<Statement> Body, int Line)
    : Node(Line)
{
    public override IEnumerable<Node> Children => Parameters.Concat<Node>(Defaults).Concat(Body);

    /// <summary>The scope of a call.</summary>
    public Scope Scope { get; set; } = null!;

    /// <summary>Whether the body reads caller, and does not itself name it as a parameter.</summary>
    public bool TakesCaller { get; set; }

    /// <summary>Whether the body reads kwargs.</summary>
    public bool TakesKeywords { get; set; }

    /// <summary>Whether the body reads varargs.</summary>
    public bool TakesRest { get; set; }
}

/// <summary>Defines a macro.</summary>
internal sealed record MacroStatement(MacroBody Macro, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => Macro.Children;
}

/// <summary>Calls a macro and hands it the block as caller; without a call the block is printed (the generation tag).</summary>
internal sealed record CallBlockStatement(CallExpression? Call, MacroBody Block, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => Call is null ? Block.Children : Block.Children.Prepend(Call);
}

/// <summary>
/// A named block, which sees only what the template's top level defines, and where it is scoped the names around it too.
/// </summary>
internal sealed record BlockStatement(string Name, bool IsScoped, IReadOnlyList<Statement> Body, int Line) : Statement(Line)
{
    // Jinja looks into no block from outside.
    public override IEnumerable<Node> Children => [];

    /// <summary>The scope of the block.</summary>
    public Scope Scope { get; set; } = null!;
}

/// <summary>A block in which what is printed is escaped, or is not.</summary>
internal sealed record AutoescapeStatement(Expression Switch, IReadOnlyList<Statement> Body, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => Body.Prepend<Node>(Switch);

    /// <summary>The scope of the block.</summary>
    public Scope Scope { get; set; } = null!;
}

/// <summary>A tag that needs another template: include, import, from or extends. There is none to be had.</summary>
internal sealed record OtherTemplateStatement(Expression Template, IReadOnlyList<NameExpression> Targets, int Line) : Statement(Line)
{
    public override IEnumerable<Node> Children => Targets.Prepend<Node>(Template);
}
