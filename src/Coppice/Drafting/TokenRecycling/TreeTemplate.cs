namespace Coppice.Drafting;

/// <summary>The shape of a token tree, given once: for each node its parent and which of the parent's candidates it is.</summary>
internal sealed class TreeTemplate
{
    private readonly List<(int Parent, int Rank)> _nodes = [(-1, 0)];

    /// <summary>
    /// A tree given by its inner nodes, level by level: "path:children", the path by ranks, the root "". Children have ranks 0, 1, ….
    /// </summary>
    private TreeTemplate(string levels)
    {
        var nodes = new Dictionary<string, int> { [""] = 0 };
        foreach (var item in levels.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var (path, children) = (item.Split(':')[0], item.Split(':')[1]);
            for (var rank = 0; rank < int.Parse(children, System.Globalization.CultureInfo.InvariantCulture); rank++)
            {
                nodes.Add(path + (char)('0' + rank), _nodes.Count);
                _nodes.Add((nodes[path], rank));
            }
        }
    }

    /// <summary>
    /// Token Recycling's static tree "2.2.2": 81 nodes, depth 6, levels of 1, 8, 21, 25, 15, 8 and 3. Source: the authors' code.
    /// </summary>
    public static TreeTemplate TokenRecycling { get; } = new(
        ":8 0:8 1:4 2:3 3:2 4:1 5:1 6:1 7:1 00:8 01:3 02:2 03:1 04:1 05:1 06:1 07:1 10:2 11:1 20:1 30:1 40:1 50:1 " +
        "000:5 001:2 002:1 003:1 004:1 010:1 020:1 100:1 200:1 300:1 0000:3 0001:1 0002:1 0010:1 0100:1 1000:1 00000:2 00010:1");

    /// <summary>Nodes, level by level, the root first.</summary>
    public IReadOnlyList<(int Parent, int Rank)> Nodes => _nodes;
}
