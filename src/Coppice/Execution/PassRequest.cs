using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Models;

namespace Coppice.Execution;

/// <summary>What one sequence asks of a pass: the rows that follow what its cache holds, and which of them need logits.</summary>
/// <remarks>
/// Filled anew for each pass by <see cref="Stretch"/> or <see cref="Nodes(KvCache, TokenTree, bool)"/>; the memory that they are given must
/// stay as it is until the pass has run. A row that needs logits is called a node: node i is row <see cref="FirstNode"/> + i. One request
/// belongs to one sequence; not thread-safe.
/// </remarks>
internal sealed class PassRequest
{
    private int[] _joined = [], _joinedDepths = [], _joinedPaths = [];

    /// <summary>A request that asks for nothing yet.</summary>
    public PassRequest() => Output = new PassOutput(this);

    /// <summary>Receives the keys and values of the rows, after its length.</summary>
    public KvCache Cache { get; private set; } = null!;
    /// <summary>Token of each row.</summary>
    public ReadOnlyMemory<int> Tokens { get; private set; }
    /// <summary>The mixture that each row is instead of its token, null where it is the token; empty where no row is one.</summary>
    public ReadOnlyMemory<TokenMixture?> Mixtures { get; private set; }
    /// <summary>Depth of each row in a token tree; empty where the rows are consecutive positions.</summary>
    public ReadOnlyMemory<int> Depths { get; private set; }
    /// <summary>
    /// [rows, path length of the workspace]: the rows from a root to each row; empty where the rows are consecutive positions.
    /// </summary>
    public ReadOnlyMemory<int> Paths { get; private set; }
    /// <summary>Rows of earlier passes over the same tree, whose keys and values stand after the cache's length.</summary>
    public int Earlier { get; private set; }
    /// <summary>Whether positions are turned by the long factors of a longrope model.</summary>
    public bool Beyond { get; private set; }
    /// <summary>The first row that needs logits; the number of rows where none does.</summary>
    public int FirstNode { get; private set; }
    /// <summary>
    /// The tree that the nodes belong to, for the order in which their logits are computed; null where each is as likely to be asked for.
    /// </summary>
    public TokenTree? Tree { get; private set; }
    /// <summary>How many of the largest logits of a node are wanted, largest first; 0 for none.</summary>
    public int TopCount { get; set; }
    /// <summary>Whether the logits of all nodes are computed with the pass, instead of when they are asked for.</summary>
    public bool Eager { get; set; }
    /// <summary>Whether the nodes are read in blocks, later, so that nothing of them is computed with the pass.</summary>
    public bool ReadsBlocks { get; set; }
    /// <summary>Whose hidden states are wanted, by <see cref="HiddenLayer"/>; none where <see cref="Hidden"/> was not called.</summary>
    public ReadOnlyMemory<int> HiddenLayers { get; private set; }
    /// <summary>The first row whose hidden states are wanted.</summary>
    public int FirstHidden { get; private set; }
    /// <summary>Rows whose hidden states are wanted.</summary>
    public int HiddenCount { get; private set; }
    /// <summary>Keeps queries and keys of the rows, which are consecutive; null for nothing. Giving rows anew asks for none.</summary>
    public AttentionReader? Attention { get; set; }
    /// <summary>What the pass gave; valid until the next pass of the same runner.</summary>
    public PassOutput Output { get; }

    /// <summary>Rows.</summary>
    public int Rows => Tokens.Length;
    /// <summary>Rows that need logits.</summary>
    public int NodeCount => Tokens.Length - FirstNode;

    /// <summary>Asks for consecutive tokens.</summary>
    /// <param name="cache">The sequence.</param>
    /// <param name="tokens">At least one.</param>
    /// <param name="nodes">How many of the last tokens need logits.</param>
    /// <param name="beyond">See <see cref="Beyond"/>.</param>
    /// <param name="mixtures">See <see cref="Mixtures"/>.</param>
    public void Stretch(
        KvCache cache, ReadOnlyMemory<int> tokens, int nodes, bool beyond = false, ReadOnlyMemory<TokenMixture?> mixtures = default)
    {
        (Cache, Tokens, Depths, Paths, Mixtures) = (cache, tokens, default, default, mixtures);
        (Earlier, Beyond, FirstNode, Tree) = (0, beyond, tokens.Length - nodes, null);
        (HiddenLayers, Attention) = (default, null);
    }

    /// <summary>Asks for all nodes of a token tree, whose root follows what the cache holds.</summary>
    public void Nodes(KvCache cache, TokenTree tree, bool beyond = false)
    {
        (Cache, Tokens, Depths, Paths, Mixtures) = (cache, tree.TokenMemory, tree.DepthMemory, tree.PathMemory, default);
        (Earlier, Beyond, FirstNode, Tree) = (0, beyond, 0, tree);
        HiddenLayers = default;
    }

    /// <summary>Asks for consecutive tokens and, after them, all nodes of a token tree.</summary>
    /// <param name="cache">The sequence.</param>
    /// <param name="before">The tokens; with the deepest node they must fit the path length of the tree.</param>
    /// <param name="tree">Its root follows them.</param>
    /// <param name="beyond">See <see cref="Beyond"/>.</param>
    public void Nodes(KvCache cache, ReadOnlySpan<int> before, TokenTree tree, bool beyond = false)
    {
        var (first, width, rows) = (before.Length, tree.PathLength, before.Length + tree.Count);
        ReserveJoined(tree);
        before.CopyTo(_joined);
        tree.Tokens.CopyTo(_joined.AsSpan(first));
        for (var row = 0; row < rows; row++)
        {
            var path = _joinedPaths.AsSpan(row * width, width);
            var depth = row < first ? row : first + tree.Depths[row - first];
            _joinedDepths[row] = depth;
            for (var i = 0; i < Math.Min(first, depth + 1); i++) path[i] = i;
            if (row < first) continue;
            var nodes = tree.Path(row - first);
            for (var i = 0; i < nodes.Length; i++) path[first + i] = first + nodes[i];
        }
        (Cache, Tokens, Mixtures) = (cache, _joined.AsMemory(0, rows), default);
        (Depths, Paths) = (_joinedDepths.AsMemory(0, rows), _joinedPaths.AsMemory(0, rows * width));
        (Earlier, Beyond, FirstNode, Tree) = (0, beyond, first, tree);
        HiddenLayers = default;
    }

    /// <summary>Takes the memory for tokens in front of a tree, so that no pass has to.</summary>
    public void ReserveJoined(TokenTree tree)
    {
        var room = tree.Capacity + tree.PathLength;
        if (_joined.Length >= room) return;
        (_joined, _joinedDepths, _joinedPaths) = (new int[room], new int[room], new int[room * tree.PathLength]);
    }

    /// <summary>Asks for some nodes of a token forest, after those of earlier passes.</summary>
    /// <param name="cache">The sequence.</param>
    /// <param name="tokens">Token of each node.</param>
    /// <param name="depths">Depth of each node, a root's 0.</param>
    /// <param name="paths">[nodes, path length]: the rows from the root to each node.</param>
    /// <param name="earlier">See <see cref="Earlier"/>.</param>
    public void Nodes(KvCache cache, ReadOnlyMemory<int> tokens, ReadOnlyMemory<int> depths, ReadOnlyMemory<int> paths, int earlier)
    {
        (Cache, Tokens, Depths, Paths, Mixtures) = (cache, tokens, depths, paths, default);
        (Earlier, Beyond, FirstNode, Tree) = (earlier, false, 0, null);
        HiddenLayers = default;
    }

    /// <summary>
    /// Asks for hidden states too, which <see cref="PassOutput.Hidden"/> then reads. Called after the rows are given; giving rows anew asks
    /// for none.
    /// </summary>
    /// <param name="layers">
    /// At least one of <see cref="HiddenLayer"/>, each once. Those after the last layer cost nothing until they are read.
    /// </param>
    /// <param name="first">The first row.</param>
    /// <param name="count">Rows, at least one.</param>
    /// <exception cref="ArgumentException">The request does not have these rows.</exception>
    public void Hidden(ReadOnlyMemory<int> layers, int first, int count)
    {
        if (first < 0 || count < 1 || count > Rows - first)
            throw new ArgumentException($"pass: hidden states must be of rows from 0 to {Rows - 1}, got {count} from {first} on.");
        (HiddenLayers, FirstHidden, HiddenCount) = (layers, first, count);
    }
}
