namespace Coppice.Text.Templates;

/// <summary>
/// Gives every construct its <see cref="Scope"/>, and finds what Jinja refuses before rendering: unknown filters and tests,
/// loop controls outside loops, assignments to loop.
/// </summary>
internal sealed class ScopeAnalyzer
{
    /// <summary>The scope of the whole template, with every scope below it set in its node.</summary>
    public static Scope Analyze(IReadOnlyList<Statement> template)
    {
        var root = new Scope(null);
        NameCollector.Collect(root, template);
        root.Close();
        new ScopeAnalyzer().Visit(template, root, inCondition: false, inLoop: false);
        return root;
    }

    private void Visit(IEnumerable<Node> nodes, Scope scope, bool inCondition, bool inLoop)
    {
        foreach (var node in nodes) Visit(node, scope, inCondition, inLoop);
    }

    private void Visit(Node node, Scope scope, bool inCondition, bool inLoop)
    {
        StackGuard.Check(node);
        switch (node)
        {
            case Expression expression:
                Check(expression, inCondition);
                break;
            case PrintStatement print:
                Check(print.Value, inCondition);
                break;
            case IfStatement condition:
                Visit(condition.Children, scope, inCondition: true, inLoop);
                break;
            case ForStatement loop:
                VisitLoop(loop, scope, inCondition, inLoop);
                break;
            case LoopControlStatement control when !inLoop:
                throw TemplateException.Syntax($"'{(control.IsBreak ? "break" : "continue")}' outside loop", control.Line);
            case SetStatement set:
                Check(set.Value, inCondition);
                break;
            case OtherTemplateStatement other:
                Check(other.Template, inCondition);
                break;
            default:
                VisitScoped(node, scope, inCondition, inLoop);
                break;
        }
    }

    private void VisitScoped(Node node, Scope scope, bool inCondition, bool inLoop)
    {
        switch (node)
        {
            case SetBlockStatement block:
                block.Scope = Open(scope, inner =>
                {
                    NameCollector.Collect(inner, block.Body);
                    if (block.Filter is not null) NameCollector.Collect(inner, [block.Filter]);
                });
                Visit(block.Filter is null ? block.Body : block.Body.Append<Node>(block.Filter), block.Scope, false, inLoop);
                break;
            case FilterBlockStatement block:
                block.Scope = Open(scope, inner => NameCollector.Collect(inner, block.Children));
                Visit(block.Children, block.Scope, false, inLoop);
                break;
            case WithStatement with:
                with.Scope = Open(scope, inner =>
                {
                    NameCollector.Collect(inner, with.Bindings.Select(binding => binding.Target));
                    NameCollector.Collect(inner, with.Body);
                });
                Visit(with.Bindings.Select(binding => binding.Value), scope, false, inLoop);
                Visit(with.Body, with.Scope, false, inLoop);
                break;
            case AutoescapeStatement block:
                block.Scope = Open(scope, inner => NameCollector.Collect(inner, block.Children));
                Visit(block.Children, block.Scope, false, inLoop);
                break;
            case BlockStatement block:
                block.Scope = Open(null, inner => NameCollector.Collect(inner, block.Body));
                Visit(block.Body, block.Scope, false, inLoop: false);
                break;
            case MacroStatement macro:
                VisitMacro(macro.Macro, scope);
                break;
            case CallBlockStatement block:
                VisitMacro(block.Block, scope);
                if (block.Call is not null) Check(block.Call, inCondition);
                break;
        }
    }

    private static Scope Open(Scope? parent, Action<Scope> collect)
    {
        var scope = new Scope(parent);
        collect(scope);
        scope.Close();
        return scope;
    }

    private void VisitLoop(ForStatement loop, Scope scope, bool inCondition, bool inLoop)
    {
        if (StoresLoop(loop))
            throw TemplateException.Syntax("Can't assign to special loop variable in for-loop target", loop.Line);
        loop.UsesLoop = loop.Recursive || NameCollector.Undeclared(loop.Body, ["loop"]).Count > 0;
        loop.BodyScope = Open(scope, inner =>
        {
            if (loop.UsesLoop) inner.Bind("loop");
            NameCollector.Collect(inner, [loop.Target], bind: true);
            NameCollector.Collect(inner, loop.Body);
        });
        loop.TestScope = Open(scope, inner =>
        {
            NameCollector.Collect(inner, [loop.Target], bind: true);
            if (loop.Test is not null) NameCollector.Collect(inner, [loop.Test]);
        });
        loop.ElseScope = Open(scope, inner => NameCollector.Collect(inner, loop.Else));
        Check(loop.Source, inCondition);
        if (loop.Test is not null) Check(loop.Test, inCondition: false);
        Visit(loop.Body, loop.BodyScope, inCondition: false, inLoop: true);
        Visit(loop.Else, loop.ElseScope, inCondition: false, inLoop && !loop.Recursive);
    }

    private static bool StoresLoop(Node node)
    {
        StackGuard.Check(node);
        return node is NameExpression { Name: "loop", Use: NameUse.Store } || node.Children.Any(StoresLoop);
    }

    private void VisitMacro(MacroBody macro, Scope scope)
    {
        var special = NameCollector.Undeclared(macro.Body, ["caller", "kwargs", "varargs"]);
        bool IsParameter(string name) => macro.Parameters.Any(parameter => parameter.Name == name);
        if (special.Contains("caller") && IsParameter("caller")
            && macro.Parameters.TakeWhile(parameter => parameter.Name != "caller").Count() < macro.Parameters.Count - macro.Defaults.Count)
            throw TemplateException.Syntax("When defining macros or call blocks the special \"caller\" argument must be omitted or be "
                + "given a default.", macro.Line);
        macro.TakesCaller = special.Contains("caller");
        macro.TakesKeywords = special.Contains("kwargs") && !IsParameter("kwargs");
        macro.TakesRest = special.Contains("varargs") && !IsParameter("varargs");
        macro.Scope = Open(scope, inner =>
        {
            if (macro.TakesCaller) inner.Bind("caller");
            if (macro.TakesKeywords) inner.Bind("kwargs");
            if (macro.TakesRest) inner.Bind("varargs");
            NameCollector.Collect(inner, macro.Children);
        });
        Visit(macro.Defaults, macro.Scope, inCondition: false, inLoop: false);
        Visit(macro.Body, macro.Scope, inCondition: false, inLoop: false);
    }

    /// <summary>Refuses unknown filters and tests, except within a condition, where Jinja waits until one is used.</summary>
    private static void Check(Node node, bool inCondition)
    {
        StackGuard.Check(node);
        if (!inCondition && node is FilterExpression filter && !FilterTable.Contains(filter.Name))
            throw TemplateException.Syntax($"No filter named '{filter.Name}'.", filter.Line);
        if (!inCondition && node is TestExpression test && !TestTable.Contains(test.Name))
            throw TemplateException.Syntax($"No test named '{test.Name}'.", test.Line);
        foreach (var child in node.Children) Check(child, inCondition || node is ConditionalExpression);
    }
}
