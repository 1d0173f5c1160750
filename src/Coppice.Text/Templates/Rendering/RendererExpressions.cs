
namespace Coppice.Text.Templates;

internal sealed partial class Renderer
{
    private object? Evaluate(Expression expression, Frame frame)
    {
        Budget.Enter();
        var value = expression switch
        {
            ConstantExpression constant => constant.Value,
            NameExpression name => Load(name.Name, frame),
            AttributeExpression attribute => Attribute(attribute, frame),
            ItemExpression item => Item(item, frame),
            CallExpression call => Call(call, frame),
            FilterExpression filter => Filter(filter, frame, Evaluate(filter.Input!, frame)),
            TestExpression test => Test(test, frame),
            CompareExpression compare => Compare(compare, frame),
            LogicalExpression logical => Logical(logical, frame),
            NotExpression not => !Facts.IsTrue(Evaluate(not.Operand, frame)),
            ConditionalExpression conditional => Conditional(conditional, frame),
            ConcatExpression concat => Concat(concat, frame),
            ArithmeticExpression arithmetic => Calculate(arithmetic, frame),
            SignExpression sign => Arithmetic.Sign(sign.Negative, Evaluate(sign.Operand, frame)),
            ListExpression list => new ListValue(EvaluateAll(list.Items, frame)),
            TupleExpression tuple => new TupleValue(EvaluateAll(tuple.Items, frame)),
            DictExpression dict => Dict(dict, frame),
            _ => throw new InvalidOperationException($"no such expression: {expression.GetType()}"),
        };
        Budget.Leave();
        return value;
    }

    private static object? Load(string name, Frame frame)
    {
        var value = frame.Find(name);
        return ReferenceEquals(value, Missing.Value) ? Undefined.Name(name) : value;
    }

    private object? Attribute(AttributeExpression attribute, Frame frame)
    {
        var target = Evaluate(attribute.Object, frame);
        _line = attribute.Line;
        return Access.Attribute(target, attribute.Name);
    }

    private object? Item(ItemExpression item, Frame frame)
    {
        var target = Evaluate(item.Object, frame);
        if (item.Index is SliceExpression slice)
        {
            object? Bound(Expression? bound) => bound is null ? null : Evaluate(bound, frame);
            var (start, stop, step) = (Bound(slice.Start), Bound(slice.Stop), Bound(slice.Step));
            _line = item.Line;
            return Access.Slice(target, start, stop, step, Budget);
        }
        var index = Evaluate(item.Index, frame);
        _line = item.Line;
        if (Facts.IsText(target, out var text)) Budget.Spend(text.Length / 64);
        return Access.Item(target, index);
    }

    private object?[] EvaluateAll(IReadOnlyList<Expression> items, Frame frame)
    {
        Budget.SpendOnContainer(items.Count);
        var values = new object?[items.Count];
        for (var i = 0; i < values.Length; i++) values[i] = Evaluate(items[i], frame);
        return values;
    }

    private DictValue Dict(DictExpression dict, Frame frame)
    {
        Budget.SpendOnContainer(4L * dict.Pairs.Count);
        var value = new DictValue(Comparer);
        foreach (var (key, item) in dict.Pairs) value.Set(Evaluate(key, frame), Evaluate(item, frame));
        return value;
    }

    private object? Logical(LogicalExpression logical, Frame frame)
    {
        var left = Evaluate(logical.Left, frame);
        return Facts.IsTrue(left) == logical.IsAnd ? Evaluate(logical.Right, frame) : left;
    }

    private object? Conditional(ConditionalExpression conditional, Frame frame)
    {
        if (Facts.IsTrue(Evaluate(conditional.Test, frame))) return Evaluate(conditional.Then, frame);
        return conditional.Else is null
            ? new Undefined($"the inline if-expression on line {conditional.Line} evaluated to false and no else section was defined.")
            : Evaluate(conditional.Else, frame);
    }

    private object Concat(ConcatExpression concat, Frame frame)
    {
        if (concat.Escaping == Escaping.Always) return ConcatEscaped(concat, frame);
        var parts = new string[concat.Parts.Count];
        var length = 0L;
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = Representation.Text(Evaluate(concat.Parts[i], frame));
            length += parts[i].Length;
        }
        Budget.SpendOnText(length);
        return string.Concat(parts);
    }

    /// <summary>As in autoescape blocks: where one part is markup, the others are escaped.</summary>
    private object ConcatEscaped(ConcatExpression concat, Frame frame)
    {
        object?[] values = [.. concat.Parts.Select(part => Evaluate(part, frame))];
        if (!values.Any(value => value is Markup)) return string.Concat(values.Select(Representation.Text));
        return new Markup(string.Concat(values.Select(value => Printed(value, Escaping.Always))));
    }

    private object? Calculate(ArithmeticExpression arithmetic, Frame frame)
    {
        var left = Evaluate(arithmetic.Left, frame);
        var right = Evaluate(arithmetic.Right, frame);
        _line = arithmetic.Line;
        return Arithmetic.Apply(arithmetic.Operator, left, right);
    }

    private bool Compare(CompareExpression compare, Frame frame)
    {
        var left = Evaluate(compare.First, frame);
        foreach (var (symbol, operand) in compare.Rest)
        {
            var right = Evaluate(operand, frame);
            _line = compare.Line;
            if (!Ordering.Compare(symbol, left, right)) return false;
            left = right;
        }
        return true;
    }

    private object? Filter(FilterExpression filter, Frame frame, object? input)
    {
        // In front of the first filter of a block stands the block's text.
        if (filter.Input is FilterExpression { } before && IsBlockFilter(before)) input = Filter(before, frame, input);
        var arguments = Evaluate(filter.Arguments, frame);
        _line = filter.Line;
        return FilterTable.Apply(this, filter.Name, input, arguments);
    }

    private static bool IsBlockFilter(FilterExpression filter) =>
        filter.Input is null || (filter.Input is FilterExpression before && IsBlockFilter(before));

    private bool Test(TestExpression test, Frame frame)
    {
        var input = Evaluate(test.Input, frame);
        var arguments = Evaluate(test.Arguments, frame);
        _line = test.Line;
        return TestTable.Apply(this, test.Name, input, arguments);
    }

    private object? Call(CallExpression call, Frame frame)
    {
        var callee = Evaluate(call.Callee, frame);
        var arguments = Evaluate(call.Arguments, frame);
        _line = call.Line;
        return Call(callee, arguments);
    }

    private object? Call(object? callee, Arguments arguments)
    {
        Budget.Spend();
        if (callee is Undefined undefined) throw undefined.Error();
        return callee is CallableValue callable ? callable.Call(this, arguments)
            : throw TemplateException.Other($"'{Facts.TypeName(callee)}' object is not callable");
    }

    private Arguments Evaluate(CallArguments arguments, Frame frame)
    {
        if (ReferenceEquals(arguments, CallArguments.None)) return Arguments.None;
        var positional = EvaluateAll(arguments.Positional, frame);
        if (arguments.Star is not null) positional = [.. positional, .. Facts.ToArray(Evaluate(arguments.Star, frame), Budget)];
        var keywords = new List<KeyValuePair<string, object?>>();
        foreach (var (name, value) in arguments.Keywords) keywords.Add(KeyValuePair.Create(name, Evaluate(value, frame)));
        if (arguments.DoubleStar is null) return new Arguments(positional, keywords);
        var mapping = Evaluate(arguments.DoubleStar, frame);
        if (mapping is Undefined undefined) throw undefined.Error();
        if (mapping is not DictValue pairs) throw TemplateException.Other("argument after ** must be a mapping");
        Budget.SpendOnContainer(2L * pairs.Length!.Value);
        var names = keywords.Select(keyword => keyword.Key).ToHashSet();
        foreach (var (key, value) in pairs.Entries)
        {
            if (!Facts.IsText(key, out var name)) throw TemplateException.Other("keywords must be strings");
            if (!names.Add(name)) throw TemplateException.Other($"got multiple values for keyword argument '{name}'");
            keywords.Add(KeyValuePair.Create(name, value));
        }
        return new Arguments(positional, keywords);
    }
}
