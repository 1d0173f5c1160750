using System.Text;

namespace Coppice;

/// <summary>A program with holes: the set of all programs that have what is kept.</summary>
public sealed class PartialProgram
{
    private readonly PredictedProgram _program;
    private readonly bool[] _kept;

    internal PartialProgram(PredictedProgram program, bool[] kept) => (_program, _kept) = (program, kept);

    /// <summary>Nodes of the tree that are kept.</summary>
    public int KeptNodes => _kept.Count(kept => kept);
    /// <summary>Holes: nodes that are left out although the one above them is kept.</summary>
    public int Holes => CountHoles(_program.Root);

    internal IReadOnlyList<bool> Kept => _kept;

    /// <summary>Whether a program is in the set: each node that is kept has its own text there, and below it the children that are kept, in
    /// order.</summary>
    /// <param name="code">The program.</param>
    /// <param name="tree">Its tree.</param>
    public bool Contains(string code, CodeNode tree)
    {
        ArgumentNullException.ThrowIfNull(code);
        ArgumentNullException.ThrowIfNull(tree);
        return !_kept[0] || Matches(_program.Root, code, tree);
    }

    /// <summary>The own texts of what is kept, in brackets by nodes, with ?? for holes.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        Write(_program.Root, text);
        return text.ToString();
    }

    private bool Matches(PredictedProgram.Node node, string code, CodeNode target)
    {
        if (node.Text != target.OwnText(code)) return false;
        var next = 0;
        foreach (var child in node.Children.Where(child => _kept[child.Index]))
        {
            while (next < target.Children.Count && !Matches(child, code, target.Children[next])) next++;
            if (next++ >= target.Children.Count) return false;
        }
        return true;
    }

    private int CountHoles(PredictedProgram.Node node) => _kept[node.Index] ? node.Children.Sum(CountHoles) : 1;

    private void Write(PredictedProgram.Node node, StringBuilder text)
    {
        if (!_kept[node.Index])
        {
            text.Append("??");
            return;
        }
        text.Append('(').Append(node.Text);
        foreach (var child in node.Children) Write(child, text);
        text.Append(')');
    }
}
