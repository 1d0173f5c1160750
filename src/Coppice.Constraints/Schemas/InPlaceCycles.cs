namespace Coppice.Constraints.Schemas;

/// <summary>Refuses schemas that apply themselves to the same value, which says nothing and never ends.</summary>
internal sealed class InPlaceCycles
{
    private readonly Dictionary<int, bool> _isDone = [];

    /// <summary>Checks all of <paramref name="nodes"/>.</summary>
    /// <exception cref="ConstraintException">One of them leads back to itself.</exception>
    public void Check(IEnumerable<SchemaNode> nodes)
    {
        var path = new Stack<(SchemaNode Node, IEnumerator<SchemaNode> Next)>();
        foreach (var start in nodes)
        {
            if (!Enter(start, path)) continue;
            while (path.Count > 0)
            {
                var (node, next) = path.Peek();
                if (next.MoveNext()) Enter(next.Current, path);
                else
                {
                    _isDone[node.Id] = true;
                    path.Pop();
                }
            }
        }
    }

    private bool Enter(SchemaNode node, Stack<(SchemaNode Node, IEnumerator<SchemaNode> Next)> path)
    {
        if (_isDone.TryGetValue(node.Id, out var done))
            return done ? false : throw new ConstraintException(
                $"schema at \"{node.Pointer}\": must not refer to itself for the same value, found that it does.");
        _isDone[node.Id] = false;
        path.Push((node, node.InPlace().GetEnumerator()));
        return true;
    }
}
