namespace Coppice;

/// <summary>A node of a program's syntax tree, by the characters that it spans.</summary>
/// <param name="Start">Its first character.</param>
/// <param name="End">The character after its last one.</param>
/// <param name="Children">In order, within it, without overlaps.</param>
public sealed record CodeNode(int Start, int End, IReadOnlyList<CodeNode> Children)
{
    /// <summary>What of <paramref name="code"/> is the node's own: its characters that no child has, without white space.</summary>
    public string OwnText(string code)
    {
        ArgumentNullException.ThrowIfNull(code);
        return string.Concat(OwnCharacters(code).Select(at => code[at]));
    }

    /// <summary>Where those characters are.</summary>
    internal IEnumerable<int> OwnCharacters(string code)
    {
        var child = 0;
        for (var at = Start; at < End; at++)
        {
            while (child < Children.Count && Children[child].End <= at) child++;
            if (child < Children.Count && at >= Children[child].Start) at = Children[child].End - 1;
            else if (!char.IsWhiteSpace(code[at])) yield return at;
        }
    }
}
