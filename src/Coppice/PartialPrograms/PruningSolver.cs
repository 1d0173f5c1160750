namespace Coppice;

/// <summary>
/// Which nodes to keep: closed under parents, at most some holes, a cost of at most the budget, and as many as possible.
/// </summary>
/// <remarks>
/// Exact: of every node that is kept the results that no other is better than, by holes below it, cost and number, merged child by child. A
/// node without own text is kept with its parent. Source: Khakhar, Mell, Bastani: PAC Prediction Sets for Large Language Models of Code,
/// section 4.
/// </remarks>
internal static class PruningSolver
{
    /// <summary>Whether each node is kept.</summary>
    /// <param name="program">Its tree.</param>
    /// <param name="budget">Cost at most.</param>
    /// <param name="holes">Holes at most, at least 1.</param>
    /// <param name="allowed">Nodes that may be kept; null for all.</param>
    public static bool[] Solve(PredictedProgram program, double budget, int holes, IReadOnlyList<bool>? allowed = null)
    {
        var kept = new bool[program.Count];
        var best = new Choice(1, 0, 0, null, null, null);
        if (allowed?[program.Root.Index] != false)
        {
            foreach (var choice in Keep(program.Root, budget, holes, allowed))
            {
                // Of equally many the cheaper.
                if (choice.Count > best.Count || (choice.Count == best.Count && choice.Cost < best.Cost)) best = choice;
            }
        }
        Mark(best, kept);
        return kept;
    }

    /// <summary>Ways to keep a node; in each, which of its children are kept and how.</summary>
    private static List<Choice> Keep(PredictedProgram.Node node, double budget, int holes, IReadOnlyList<bool>? allowed)
    {
        if (node.Cost > budget) return [];
        List<Choice> all = [new Choice(0, node.Cost, 1, node, null, null)];
        foreach (var child in node.Children)
        {
            var ways = allowed?[child.Index] != false ? Keep(child, budget, holes, allowed) : [];
            // What has no text of its own goes with its parent, unless it was left out before.
            if (child.Text.Length > 0 || ways.Count == 0) ways.Add(new Choice(1, 0, 0, null, null, null));
            var merged = new List<Choice>();
            foreach (var first in all)
            {
                foreach (var second in ways)
                {
                    if (first.Holes + second.Holes > holes || first.Cost + second.Cost > budget) continue;
                    merged.Add(new Choice(
                        first.Holes + second.Holes, first.Cost + second.Cost, first.Count + second.Count, first.Node, first, second));
                }
            }
            all = Undominated(merged);
        }
        return all;
    }

    private static List<Choice> Undominated(List<Choice> choices)
    {
        var kept = new List<Choice>();
        var sorted = choices.OrderBy(choice => choice.Holes).ThenBy(choice => choice.Cost).ThenByDescending(choice => choice.Count);
        foreach (var choice in sorted)
        {
            if (!kept.Exists(other => other.Cost <= choice.Cost && other.Count >= choice.Count)) kept.Add(choice);
        }
        return kept;
    }

    private static void Mark(Choice? choice, bool[] kept)
    {
        if (choice?.Node is null) return;
        kept[choice.Node.Index] = true;
        Mark(choice.Before, kept);
        Mark(choice.Child, kept);
    }

    /// <param name="Holes">Below the node, or the node itself where it is left out.</param>
    /// <param name="Cost">Of what is kept.</param>
    /// <param name="Count">Nodes that are kept.</param>
    /// <param name="Node">The node; null where it is left out.</param>
    /// <param name="Before">The same without its last child.</param>
    /// <param name="Child">What becomes of that child.</param>
    private sealed record Choice(int Holes, double Cost, int Count, PredictedProgram.Node? Node, Choice? Before, Choice? Child);
}
