namespace Coppice.Text.Templates;

/// <summary>Finds the names that statements read and assign in their own scope, without looking into the scopes that they open.</summary>
internal static class NameCollector
{
    /// <summary>Adds the names in <paramref name="nodes"/> to a scope; with <paramref name="bind"/> as its parameters.</summary>
    public static void Collect(Scope scope, IEnumerable<Node> nodes, bool bind = false)
    {
        foreach (var node in nodes) Collect(scope, node, bind);
    }

    private static void Collect(Scope scope, Node node, bool bind)
    {
        StackGuard.Check(node);
        switch (node)
        {
            case NameExpression name:
                if (bind || name.Use == NameUse.Parameter) scope.Bind(name.Name);
                else if (name.Use == NameUse.Store) scope.Store(name.Name);
                else scope.Read(name.Name);
                break;
            case NamespaceTarget target:
                scope.Read(target.Name);
                break;
            case IfStatement condition:
                CollectCondition(scope, condition);
                break;
            case SetStatement set:
                Collect(scope, set.Value, bind);
                Collect(scope, set.Target, bind);
                break;
            case SetBlockStatement block:
                Collect(scope, block.Target, bind);
                break;
            case ForStatement loop:
                Collect(scope, loop.Source, bind);
                break;
            case MacroStatement macro:
                scope.Store(macro.Macro.Name!);
                break;
            case CallBlockStatement block:
                if (block.Call is not null) Collect(scope, block.Call, bind);
                break;
            case FilterBlockStatement block:
                Collect(scope, block.Filter, bind);
                break;
            case WithStatement with:
                Collect(scope, with.Bindings.Select(binding => binding.Value), bind);
                break;
            case BlockStatement or AutoescapeStatement:
                break;
            default:
                Collect(scope, node.Children, bind);
                break;
        }
    }

    // An elif is a condition of its own within the first one's scope, as in Jinja.
    private static void CollectCondition(Scope scope, IfStatement condition)
    {
        Collect(scope, condition.Branches[0].Test, false);
        var first = scope.Branch();
        Collect(first, condition.Branches[0].Body);
        var others = scope.Branch();
        foreach (var (test, body) in condition.Branches.Skip(1))
            CollectCondition(others, new IfStatement([(test, body)], [], condition.Line));
        var last = scope.Branch();
        Collect(last, condition.Else);
        scope.Merge([first, others, last]);
    }

    /// <summary>Which of <paramref name="names"/> are read, before they are assigned, anywhere in <paramref name="nodes"/>.</summary>
    public static HashSet<string> Undeclared(IEnumerable<Node> nodes, IEnumerable<string> names)
    {
        var left = names.ToHashSet();
        var found = new HashSet<string>();
        void Look(Node node)
        {
            StackGuard.Check(node);
            if (node is not NameExpression name)
                foreach (var child in node.Children) Look(child);
            else if (name.Use == NameUse.Load && left.Contains(name.Name)) found.Add(name.Name);
            else if (name.Use != NameUse.Load) left.Remove(name.Name);
        }
        foreach (var node in nodes) Look(node);
        return found;
    }
}
