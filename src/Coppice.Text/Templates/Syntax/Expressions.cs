namespace Coppice.Text.Templates;

/// <summary>A node of the syntax tree, with the template line where it stands.</summary>
internal abstract record Node(int Line)
{
    /// <summary>The nodes directly below, in the order in which Jinja visits them.</summary>
    public abstract IEnumerable<Node> Children { get; }
}

/// <summary>An expression.</summary>
internal abstract record Expression(int Line) : Node(Line);

/// <summary>A literal.</summary>
internal sealed record ConstantExpression(object? Value, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [];
}

/// <summary>What a name is there for: to be read, to be assigned, or to be bound by a loop, a macro or a with block.</summary>
internal enum NameUse
{
    Load,
    Store,
    Parameter,
}

/// <summary>A name.</summary>
internal sealed record NameExpression(string Name, NameUse Use, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [];
}

/// <summary>An attribute of a namespace as the target of an assignment.</summary>
internal sealed record NamespaceTarget(string Name, string Attribute, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [];
}

/// <summary>A tuple, as a value or as the target of an assignment.</summary>
internal sealed record TupleExpression(IReadOnlyList<Expression> Items, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => Items;
}

/// <summary>A list.</summary>
internal sealed record ListExpression(IReadOnlyList<Expression> Items, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => Items;
}

/// <summary>A dict.</summary>
internal sealed record DictExpression(IReadOnlyList<(Expression Key, Expression Value)> Pairs, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => Pairs.SelectMany(pair => new Node[] { pair.Key, pair.Value });
}

/// <summary>A sign in front of an operand.</summary>
internal sealed record SignExpression(bool Negative, Expression Operand, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [Operand];
}

/// <summary>Arithmetic on two operands.</summary>
internal sealed record ArithmeticExpression(string Operator, Expression Left, Expression Right, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [Left, Right];
}

/// <summary>Two operands joined by and, or by or.</summary>
internal sealed record LogicalExpression(bool IsAnd, Expression Left, Expression Right, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [Left, Right];
}

/// <summary>The opposite truth value.</summary>
internal sealed record NotExpression(Expression Operand, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [Operand];
}

/// <summary>The texts of several operands joined by ~.</summary>
internal sealed record ConcatExpression(IReadOnlyList<Expression> Parts, Escaping Escaping, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => Parts;
}

/// <summary>A chain of comparisons: each operand is evaluated once, and the chain ends at the first that fails.</summary>
internal sealed record CompareExpression(Expression First, IReadOnlyList<(string Operator, Expression Operand)> Rest, int Line)
    : Expression(Line)
{
    public override IEnumerable<Node> Children => Rest.Select(part => (Node)part.Operand).Prepend(First);
}

/// <summary>An inline if; without an else its value may be undefined.</summary>
internal sealed record ConditionalExpression(Expression Test, Expression Then, Expression? Else, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => Else is null ? [Test, Then] : [Test, Then, Else];
}

/// <summary>An attribute reached by a dot.</summary>
internal sealed record AttributeExpression(Expression Object, string Name, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [Object];
}

/// <summary>An element reached by a subscript.</summary>
internal sealed record ItemExpression(Expression Object, Expression Index, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => [Object, Index];
}

/// <summary>The start, stop and step of a subscript; it stands only within an <see cref="ItemExpression"/>.</summary>
internal sealed record SliceExpression(Expression? Start, Expression? Stop, Expression? Step, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => new[] { Start, Stop, Step }.OfType<Node>();
}

/// <summary>What stands between the parentheses of a call: values, name=value pairs, *values and **pairs.</summary>
internal sealed record CallArguments(
    IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Keywords, Expression? Star, Expression? DoubleStar)
{
    /// <summary>No arguments.</summary>
    public static CallArguments None { get; } = new([], [], null, null);

    /// <summary>The expressions in order.</summary>
    public IEnumerable<Node> Children =>
        Positional.Concat(Keywords.Select(keyword => keyword.Value)).Concat(new[] { Star, DoubleStar }.OfType<Expression>());
}

/// <summary>A call.</summary>
internal sealed record CallExpression(Expression Callee, CallArguments Arguments, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => Arguments.Children.Prepend(Callee);
}

/// <summary>A filter; without an input it stands at the head of a filter or set block and takes the block's text.</summary>
internal sealed record FilterExpression(Expression? Input, string Name, CallArguments Arguments, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => Input is null ? Arguments.Children : Arguments.Children.Prepend(Input);
}

/// <summary>A test after `is`.</summary>
internal sealed record TestExpression(Expression Input, string Name, CallArguments Arguments, int Line) : Expression(Line)
{
    public override IEnumerable<Node> Children => Arguments.Children.Prepend(Input);
}
