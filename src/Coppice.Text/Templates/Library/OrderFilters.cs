namespace Coppice.Text.Templates;

/// <summary>The filters that sort, group and compare elements.</summary>
internal static class OrderFilters
{
    public static object? Sort(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("sort", 0, "reverse", "case_sensitive", "attribute");
        var paths = AttributePath.AllOf(bound.Or(2, null));
        var caseSensitive = bound.IsTrue(1);
        object? Key(object? element) =>
            new ListValue([.. paths.Select(path => caseSensitive ? path.Get(element) : path.GetFolded(element))]);
        return new ListValue(renderer.Ordering.Sort(Facts.ToArray(value, renderer.Budget), Key, bound.IsTrue(0)));
    }

    public static object? SortDict(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("dictsort", 0, "case_sensitive", "by", "reverse");
        var by = bound.Text(1, "key");
        if (by is not ("key" or "value")) throw TemplateException.Other("You can only sort by either \"key\" or \"value\"");
        if (value is Undefined undefined) throw undefined.Error();
        if (value is not DictValue dict) throw TemplateException.Other($"'{Facts.TypeName(value)}' object has no attribute 'items'");
        var caseSensitive = bound.IsTrue(0);
        object? Key(object? pair)
        {
            var part = ((TupleValue)pair!).Items[by == "key" ? 0 : 1];
            return caseSensitive ? part : AttributePath.Whole.GetFolded(part);
        }
        renderer.Budget.SpendOnContainer(3L * dict.Length!.Value);
        return new ListValue(renderer.Ordering.Sort([.. dict.Pairs], Key, bound.IsTrue(2)));
    }

    public static object? GroupBy(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("groupby", 1, "attribute", "default", "case_sensitive");
        var (path, otherwise, caseSensitive) = (AttributePath.Of(bound[0]), bound.Or(1, null), bound.IsTrue(2));
        object? Key(object? element) => caseSensitive ? path.Get(element, otherwise) : path.GetFolded(element, otherwise);
        var sorted = renderer.Ordering.Sort(Facts.ToArray(value, renderer.Budget), Key, reverse: false);
        var groups = new List<object?>();
        for (var start = 0; start < sorted.Length;)
        {
            var key = Key(sorted[start]);
            var end = start + 1;
            while (end < sorted.Length && renderer.Comparer.AreEqual(Key(sorted[end]), key)) end++;
            renderer.Budget.SpendOnContainer(end - start + 4);
            groups.Add(new GroupTuple(path.Get(sorted[start], otherwise), new ListValue(sorted[start..end])));
            start = end;
        }
        return new ListValue([.. groups]);
    }

    public static object? Unique(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("unique", 0, "case_sensitive", "attribute");
        var (caseSensitive, path) = (bound.IsTrue(0), AttributePath.Of(bound.Or(1, null)));
        return renderer.Lazy(Firsts());
        IEnumerable<object?> Firsts()
        {
            var seen = new DictValue(renderer.Comparer);
            foreach (var element in Facts.Elements(value))
            {
                var key = caseSensitive ? path.Get(element) : path.GetFolded(element);
                renderer.Budget.SpendOnContainer(1);
                if (seen.TryGet(key, out _)) continue;
                seen.Set(key, true);
                yield return element;
            }
        }
    }

    /// <summary>The first element that no other exceeds: min by &lt;, max by &gt;.</summary>
    public static object? Extreme(Renderer renderer, object? value, Arguments arguments, string symbol)
    {
        var bound = arguments.Bind(symbol == "<" ? "min" : "max", 0, "case_sensitive", "attribute");
        var (caseSensitive, path) = (bound.IsTrue(0), AttributePath.Of(bound.Or(1, null)));
        object? best = new Undefined("No aggregated item, sequence was empty.");
        object? bestKey = null;
        var first = true;
        foreach (var element in Facts.Elements(value))
        {
            var key = caseSensitive ? path.Get(element) : path.GetFolded(element);
            if (first || renderer.Ordering.Compare(symbol, key, bestKey)) (best, bestKey) = (element, key);
            first = false;
        }
        return best;
    }
}
