namespace Coppice.Text.Templates;

internal sealed partial class Renderer
{
    private Flow Execute(IReadOnlyList<Statement> body, Frame frame)
    {
        Budget.Enter();
        var flow = Flow.Normal;
        for (var i = 0; i < body.Count && flow == Flow.Normal; i++) flow = Execute(body[i], frame);
        Budget.Leave();
        return flow;
    }

    private Flow Execute(Statement statement, Frame frame)
    {
        _line = statement.Line;
        Budget.Spend();
        switch (statement)
        {
            case DataStatement data:
                Write(data.Text);
                return Flow.Normal;
            case PrintStatement print:
                Write(Printed(Evaluate(print.Value, frame), EscapingOf(print)));
                return Flow.Normal;
            case IfStatement condition:
                foreach (var (test, body) in condition.Branches)
                    if (Facts.IsTrue(Evaluate(test, frame))) return Execute(body, frame);
                return Execute(condition.Else, frame);
            case ForStatement loop:
                return loop.Recursive ? ExecuteRecursive(loop, frame) : ExecuteLoop(loop, frame, Evaluate(loop.Source, frame), null, 0);
            case SetStatement set:
                CheckNamespaces(set.Target, frame);
                Assign(set.Target, Evaluate(set.Value, frame), frame);
                return Flow.Normal;
            case LoopControlStatement control:
                return control.IsBreak ? Flow.Break : Flow.Continue;
            default:
                return ExecuteBlock(statement, frame);
        }
    }

    private Flow ExecuteBlock(Statement statement, Frame frame)
    {
        switch (statement)
        {
            case MacroStatement macro:
                var value = new MacroValue(macro.Macro, frame);
                frame.Set(value.Name!, value);
                if (frame.IsOutermost) _exported[value.Name!] = value;
                return Flow.Normal;
            case CallBlockStatement block:
                return ExecuteCall(block, frame);
            case SetBlockStatement block:
                return ExecuteSetBlock(block, frame);
            case FilterBlockStatement block:
                var inner = Open(block.Scope, frame);
                var text = Capture(() => Execute(block.Body, inner), out var flow);
                if (flow == Flow.Normal) Write(Representation.Text(Filter(block.Filter, inner, Escaped(text, block.Escaping))));
                return flow;
            case WithStatement with:
                var scoped = Open(with.Scope, frame);
                foreach (var (target, source) in with.Bindings) Assign(target, Evaluate(source, frame), scoped);
                return Execute(with.Body, scoped);
            case AutoescapeStatement block:
                return ExecuteAutoescape(block, frame);
            case BlockStatement block:
                return Execute(block.Body, block.IsScoped ? OpenScoped(block, frame) : Open(block.Scope, null));
            case OtherTemplateStatement other:
                Evaluate(other.Template, frame);
                throw TemplateException.Other("no loader for this environment specified");
            default:
                throw new InvalidOperationException($"no such statement: {statement.GetType()}");
        }
    }

    private Flow ExecuteAutoescape(AutoescapeStatement block, Frame frame)
    {
        var around = Open(block.Scope, frame);
        var before = Autoescapes;
        Autoescapes = Facts.IsTrue(Evaluate(block.Switch, around));
        var flow = Execute(block.Body, around);
        Autoescapes = before;
        return flow;
    }

    private Flow ExecuteCall(CallBlockStatement block, Frame frame)
    {
        var caller = new MacroValue(block.Block, frame);
        if (block.Call is null)
        {
            Write(Invoke(caller, Arguments.None));
            return Flow.Normal;
        }
        var callee = Evaluate(block.Call.Callee, frame);
        var arguments = Evaluate(block.Call.Arguments, frame);
        _line = block.Line;
        if (arguments.Keywords.Any(keyword => keyword.Key == "caller"))
            throw TemplateException.Other("a call block cannot be given another caller");
        arguments = new Arguments(arguments.Positional, [.. arguments.Keywords, KeyValuePair.Create("caller", (object?)caller)]);
        Write(Representation.Text(Call(callee, arguments)));
        return Flow.Normal;
    }

    private Flow ExecuteSetBlock(SetBlockStatement block, Frame frame)
    {
        var inner = Open(block.Scope, frame);
        var text = Capture(() => Execute(block.Body, inner), out var flow);
        if (flow != Flow.Normal) return flow;
        CheckNamespaces(block.Target, frame);
        var value = Escaped(text, block.Escaping);
        Assign(block.Target, block.Filter is null ? value : Filter(block.Filter, inner, value), frame);
        return Flow.Normal;
    }

    private Flow ExecuteRecursive(ForStatement loop, Frame frame)
    {
        string Round(object? source, int depth) => Capture(() => ExecuteLoop(loop, frame, source, Again, depth), out _);
        string Again(object? source, int depth)
        {
            Budget.Enter();
            var text = Round(source, depth);
            Budget.Leave();
            return text;
        }
        Write(Round(Evaluate(loop.Source, frame), 0));
        return Flow.Normal;
    }

    private Flow ExecuteLoop(ForStatement loop, Frame frame, object? source, Func<object?, int, string>? again, int depth)
    {
        _line = loop.Line;
        var elements = loop.Test is null ? source : Lazy(Passing(loop, frame, source));
        var inner = new Frame(loop.BodyScope, frame);
        var rounds = new LoopValue(elements, again, depth);
        if (loop.UsesLoop) inner.Set("loop", rounds);
        var ran = false;
        while (rounds.Next(out var element))
        {
            Budget.Spend();
            Assign(loop.Target, element, inner);
            inner.Enter(Resolve);
            var flow = Execute(loop.Body, inner);
            if (flow == Flow.Break)
            {
                // As in Jinja, a loop left in its first round counts as one that did not run.
                if (!ran) break;
                return Flow.Normal;
            }
            ran |= flow == Flow.Normal;
        }
        if (ran || loop.Else.Count == 0) return Flow.Normal;
        return Execute(loop.Else, Open(loop.ElseScope, frame));
    }

    private IEnumerable<object?> Passing(ForStatement loop, Frame frame, object? source)
    {
        var inner = Open(loop.TestScope, frame);
        foreach (var element in Facts.Elements(source))
        {
            Assign(loop.Target, element, inner);
            if (!Facts.IsTrue(Evaluate(loop.Test!, inner))) continue;
            yield return loop.Target is TupleExpression tuple ? new TupleValue(Unpack(element, tuple.Items.Count)) : element;
        }
    }
}
