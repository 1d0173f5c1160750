namespace Coppice.Constraints.Languages;

/// <summary>The names that a schema declares, as a trie over code points.</summary>
internal sealed class NameTrie
{
    public NameTrie(IEnumerable<string> names)
    {
        Names = [.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Root = new Node();
        for (var i = 0; i < Names.Length; i++)
        {
            var node = Root;
            foreach (var rune in Names[i].EnumerateRunes())
            {
                if (!node.Children.TryGetValue(rune.Value, out var child)) node.Children[rune.Value] = child = new Node();
                child.NamesBelow.Add(i);
                node = child;
            }
            node.Name = i;
        }
        for (var i = 0; i < Names.Length; i++) Root.NamesBelow.Add(i);
    }

    /// <summary>The names in order; their indices are what <see cref="Node.Name"/> means.</summary>
    public string[] Names { get; }

    /// <summary>Before the first character.</summary>
    public Node Root { get; }

    /// <summary>After some characters.</summary>
    public sealed class Node
    {
        /// <summary>By the next code point.</summary>
        public SortedDictionary<int, Node> Children { get; } = [];

        /// <summary>The name that ends here, or -1.</summary>
        public int Name { get; set; } = -1;

        /// <summary>All names that begin with the characters so far.</summary>
        public List<int> NamesBelow { get; } = [];
    }
}
