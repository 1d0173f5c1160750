using System.Text;
using Coppice.Constraints.Languages;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Monitors;

/// <summary>One of some names, then a character that ends it, then anything.</summary>
internal sealed class CompletionAutomaton(IReadOnlyList<string> names, IMonitor monitor) : ByteAutomaton
{
    /// <summary>After a name and what ends it.</summary>
    public static readonly object Free = new();

    private readonly NameTrie _names = new(names);
    private readonly Dictionary<object, int> _ids = [];

    public override GrammarState Start => new(_names.Root, 0, 0, 0);

    public override bool TryStep(in GrammarState state, byte next, bool keepsValues, out GrammarState result)
    {
        result = state;
        if (state.Node == Free) return true;
        var node = (NameTrie.Node)state.Node;
        var part = Utf8Part.Step(state.Lex, next, out var codePoint);
        if (part < 0) return false;
        if (part > 0)
        {
            result = new GrammarState(node, 0, part, 0);
            Utf8Part.Range(part, out var low, out var high);
            return node.Children.Keys.Any(c => c >= low && c <= high) || (node.Name >= 0 && BreaksIn(low, high));
        }
        if (node.Children.TryGetValue(codePoint, out var child)) result = new GrammarState(child, 0, 0, 0);
        else if (node.Name >= 0 && monitor.IsBreak(codePoint)) result = new GrammarState(Free, 0, 0, 0);
        else return false;
        return true;
    }

    public override bool MayEnd(in GrammarState state) => state.Node == Free || (state.Lex == 0 && ((NameTrie.Node)state.Node).Name >= 0);

    public override MaskKey KeyOf(in GrammarState state)
    {
        if (!_ids.TryGetValue(state.Node, out var id)) _ids[state.Node] = id = _ids.Count;
        return new MaskKey(id, 0, state.Lex, 0);
    }

    public override byte[]? Ending(in GrammarState state)
    {
        if (MayEnd(state)) return [];
        var node = (NameTrie.Node)state.Node;
        if (state.Lex != 0 || node.NamesBelow.Count == 0) return null;
        // The part of the name that has come is as long as the way from the root.
        var text = new StringBuilder();
        while (node.Name < 0)
        {
            var (codePoint, child) = node.Children.First();
            text.Append(char.ConvertFromUtf32(codePoint));
            node = child;
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private bool BreaksIn(int low, int high)
    {
        for (var codePoint = low; codePoint <= high; codePoint++)
            if (monitor.IsBreak(codePoint)) return true;
        return false;
    }
}
