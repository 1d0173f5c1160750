using Coppice.Ptx.Ops;

namespace Coppice.Ptx.Execution;

/// <summary>Finds for every branch where its ways meet again: the immediate post-dominator.</summary>
/// <remarks>
/// Source: Cooper, Harvey and Kennedy, A Simple, Fast Dominance Algorithm, 2001, on the graph with its edges turned round.
/// </remarks>
internal static class Meeting
{
    /// <summary>Sets <see cref="Branch.Meet"/> of every branch.</summary>
    public static void Find(Op[] ops)
    {
        // Node ops.Length is the end, from which all is seen backwards.
        var exit = ops.Length;
        var next = new List<int>[exit + 1];
        var previous = new List<int>[exit + 1];
        for (var i = 0; i <= exit; i++) (next[i], previous[i]) = ([], []);
        for (var i = 0; i < exit; i++)
        {
            if (ops[i] is Branch branch) next[i].Add(branch.Target);
            if (ops[i] is Return) next[i].Add(exit);
            if (ops[i] is not (Branch or Return) || ops[i].Guard >= 0) next[i].Add(i + 1);
            foreach (var target in next[i]) previous[target].Add(i);
        }
        var order = Backwards(exit, previous);
        var rank = new int[exit + 1];
        Array.Fill(rank, -1);
        for (var i = 0; i < order.Count; i++) rank[order[i]] = i;
        var dominator = new int[exit + 1];
        Array.Fill(dominator, -1);
        dominator[exit] = exit;
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var node in order.Skip(1))
            {
                var found = -1;
                foreach (var successor in next[node])
                    if (rank[successor] >= 0 && dominator[successor] >= 0)
                        found = found < 0 ? successor : Common(found, successor, dominator, rank);
                if (found == dominator[node]) continue;
                dominator[node] = found;
                changed = true;
            }
        }
        for (var i = 0; i < exit; i++)
            if (ops[i] is Branch branch && dominator[i] >= 0 && dominator[i] != exit) branch.Meet = dominator[i];
    }

    /// <summary>Nodes from which the end can be reached, each after all but its loops.</summary>
    private static List<int> Backwards(int exit, List<int>[] previous)
    {
        var (finished, seen) = (new List<int>(), new bool[exit + 1]);
        var stack = new Stack<(int Node, int Edge)>();
        stack.Push((exit, 0));
        seen[exit] = true;
        while (stack.TryPop(out var at))
        {
            if (at.Edge == previous[at.Node].Count)
            {
                finished.Add(at.Node);
                continue;
            }
            stack.Push((at.Node, at.Edge + 1));
            var node = previous[at.Node][at.Edge];
            if (seen[node]) continue;
            seen[node] = true;
            stack.Push((node, 0));
        }
        finished.Reverse();
        return finished;
    }

    private static int Common(int a, int b, int[] dominator, int[] rank)
    {
        while (a != b)
        {
            while (rank[a] > rank[b]) a = dominator[a];
            while (rank[b] > rank[a]) b = dominator[b];
        }
        return a;
    }
}
