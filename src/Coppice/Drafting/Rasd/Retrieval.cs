using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>
/// What RASD has retrieved from one source: which of it may be proposed, with what chance, and how far the source is to be trusted.
/// </summary>
/// <remarks>
/// A node's chance is the product of the shares along its path, as acceptance has confirmed them for matches of that length.
/// </remarks>
/// <param name="capacity">Nodes of the trie.</param>
internal sealed class Retrieval(int capacity)
{
    private const int LongMatch = 8, LengthClasses = 4;
    private const double RareFirst = 0.01;

    private readonly AcceptanceRates[] _rates = [.. Enumerable.Range(0, LengthClasses).Select(_ => new AcceptanceRates())];
    private readonly Item[] _items = new Item[capacity];
    private AcceptanceRates _current = new();

    /// <summary>
    /// A node of the trie: the share of its parent's continuations, whether it may be proposed, its chance, its node in the token tree.
    /// </summary>
    private record struct Item(double Share, bool Open, double Reach, int Node);

    /// <summary>What was retrieved.</summary>
    public RetrievedTrie Trie { get; } = new(capacity);

    /// <summary>
    /// The trie is complete: opens those of its first tokens that are among the draft's <paramref name="firstRanks"/> best or not rare, and
    /// what is below them. The most frequent first token of a long match needs no consent.
    /// </summary>
    /// <param name="matched">Tokens that match.</param>
    /// <param name="expected">The draft's most probable tokens, the best first.</param>
    /// <param name="probabilities">Their probabilities.</param>
    /// <param name="firstRanks">How many of them are expected whatever their probability is.</param>
    public void Prune(int matched, ReadOnlySpan<int> expected, ReadOnlySpan<double> probabilities, int firstRanks)
    {
        _current = _rates[Math.Min(System.Numerics.BitOperations.Log2((uint)Math.Max(matched, 1)), LengthClasses - 1)];
        for (var node = 1; node < Trie.Count; node++)
        {
            var share = Trie.Share(node);
            var open = true;
            if (Trie.Parent(node) == 0)
            {
                var rank = expected.IndexOf(Trie.Token(node));
                open = (rank >= 0 && (rank < firstRanks || probabilities[rank] >= RareFirst)) || (matched >= LongMatch && share > 0.5);
            }
            _items[node] = new Item(share, open, 0, TokenTree.None);
        }
        _items[0] = new Item(1, true, 1, 0);
    }

    /// <summary>The node with the largest chance of those that may be proposed next: open, and below a node of the tree.</summary>
    /// <returns>It, or 0 for none.</returns>
    public int Best(TokenTree tree, int maxDepth, out double reach)
    {
        (var best, reach) = (0, 0);
        for (var node = 1; node < Trie.Count; node++)
        {
            ref var item = ref _items[node];
            var parent = _items[Trie.Parent(node)];
            if (!item.Open || item.Node != TokenTree.None) continue;
            if (parent.Node == TokenTree.None || !tree.MayExtend(parent.Node, maxDepth)) continue;
            item.Reach = parent.Reach * _current.Chance(item.Share, item.Share > 0.5);
            if (best == 0 || item.Reach > reach) (best, reach) = (node, item.Reach);
        }
        return best;
    }

    /// <summary>The node of the token tree that stands for the parent of <paramref name="node"/>.</summary>
    public int NodeAbove(int node) => _items[Trie.Parent(node)].Node;

    /// <summary>How many of those that reach the parent of <paramref name="node"/> go on with it.</summary>
    public double Share(int node) => _items[node].Share;

    /// <summary>Node <paramref name="node"/> is in the token tree.</summary>
    public void Place(int node, int treeNode, double reach) => _items[node] = _items[node] with { Node = treeNode, Reach = reach };

    /// <summary>Node <paramref name="node"/> does not fit.</summary>
    public void Close(int node) => _items[node].Open = false;

    /// <summary>A node of such a share that this source had proposed was verified.</summary>
    public void Learn(double share, bool accepted) => _current.Observe(share, share > 0.5, accepted);
}
