namespace Coppice;

/// <summary>The tree of a search over tokens.</summary>
/// <param name="exploration">c.</param>
/// <param name="explorationBase">c_base.</param>
internal sealed class PlanningTree<TState>(double exploration, double explorationBase)
{
    /// <summary>A text whose next tokens are known.</summary>
    /// <param name="state">What the search keeps of it.</param>
    /// <param name="candidates">Tokens that may follow with their priors, the most probable first; none of a text that has ended.</param>
    public sealed class Node(TState state, IReadOnlyList<(int Token, double Prior)> candidates)
    {
        public TState State => state;
        /// <summary>Visits, and one.</summary>
        public int Visits { get; set; } = 1;
        public Edge[] Edges { get; } = [.. candidates.Select(candidate => new Edge(candidate.Token, candidate.Prior))];
    }

    /// <summary>A token after a node.</summary>
    public sealed class Edge(int token, double prior)
    {
        public int Token => token;
        public double Prior => prior;
        /// <summary>Null before it is visited.</summary>
        public Node? Child { get; set; }
        public int Returns { get; set; }
        /// <summary>The largest return; 0 before the first.</summary>
        public double Best { get; set; }
    }

    /// <summary>Of a path from the root: its nodes, and the edges between them and after the last.</summary>
    public (List<Node> Nodes, List<Edge> Edges) Select(Node root)
    {
        var (nodes, edges) = (new List<Node> { root }, new List<Edge>());
        for (var node = root; node.Edges.Length > 0;)
        {
            var edge = Next(node);
            edges.Add(edge);
            if (edge.Child is null) break;
            nodes.Add(node = edge.Child);
        }
        return (nodes, edges);
    }

    /// <summary>Counts a completion below the path, which is worth <paramref name="value"/>.</summary>
    public static void Return(List<Node> nodes, List<Edge> edges, double value)
    {
        foreach (var edge in edges)
        {
            edge.Best = edge.Returns == 0 ? value : Math.Max(edge.Best, value);
            edge.Returns++;
        }
        foreach (var node in nodes) node.Visits++;
    }

    /// <summary>P-UCB: Q + β(N) · P · √(ln N) / (1 + n), with β(N) = ln((N + c_base + 1) / c_base) + c.</summary>
    public double Rate(int visits, double prior, int returns, double best)
    {
        var beta = Math.Log((visits + explorationBase + 1) / explorationBase) + exploration;
        return best + beta * prior * Math.Sqrt(Math.Log(visits)) / (1 + returns);
    }

    /// <summary>Of equal ones the more probable, then the one with the lower token.</summary>
    private Edge Next(Node node) => node.Edges
        .OrderByDescending(edge => Rate(node.Visits, edge.Prior, edge.Returns, edge.Best))
        .ThenByDescending(edge => edge.Prior).ThenBy(edge => edge.Token).First();
}
