using System.Diagnostics;
using System.Runtime.InteropServices;
using Coppice.Cache;

namespace Coppice.Models;

/// <summary>The rows of one forward pass: stretches of tokens and token trees, each of one sequence with its cache.</summary>
/// <remarks>Built anew for each pass by <see cref="Clear"/> and Add; keeps its arrays, so building allocates nothing after the first
/// passes.</remarks>
internal sealed class ForwardBatch
{
    private readonly int[] _tokens, _positions, _ropePositions, _tokenTypes, _depths, _paths;
    private readonly List<Segment> _segments = [];
    private readonly int _ropeOffset;
    private int[] _mixedRows = [], _mixtureIds = [];
    private float[] _mixtureWeights = [];

    /// <summary>A batch for passes of a workspace of <paramref name="size"/>.</summary>
    /// <param name="size">Largest pass.</param>
    /// <param name="ropeOffset">Rows of the rotary tables before those for positions beyond the original context.</param>
    public ForwardBatch(WorkspaceSize size, int ropeOffset)
    {
        Size = size;
        _ropeOffset = ropeOffset;
        (_tokens, _positions, _ropePositions) = (new int[size.Rows], new int[size.Rows], new int[size.Rows]);
        _tokenTypes = new int[size.Rows];
        (_depths, _paths) = (new int[size.TreeRows], new int[size.TreeRows * size.PathLength]);
    }

    /// <summary>
    /// One sequence's rows. Tree rows also have rows in the arrays of depths and paths, from <paramref name="FirstTreeRow"/> on.
    /// </summary>
    /// <param name="Cache">Receives the rows' keys and values after its length.</param>
    /// <param name="FirstRow">First row in the batch.</param>
    /// <param name="Rows">Number of rows.</param>
    /// <param name="FirstTreeRow">First tree row, or null where the rows are consecutive positions.</param>
    /// <param name="Earlier">Rows after the cache's length that passes over earlier nodes of the tree have appended.</param>
    /// <param name="Deepest">Largest depth of tree rows, else 0.</param>
    /// <param name="Attention">Keeps its queries and keys; null for nothing.</param>
    public readonly record struct Segment(
        KvCache Cache, int FirstRow, int Rows, int? FirstTreeRow, int Earlier, int Deepest, AttentionReader? Attention = null);

    /// <summary>Largest pass.</summary>
    public WorkspaceSize Size { get; }
    /// <summary>Rows so far.</summary>
    public int Rows { get; private set; }
    /// <summary>Tree rows so far.</summary>
    public int TreeRows { get; private set; }
    /// <summary>Rows so far that are mixtures of tokens.</summary>
    public int MixedRows { get; private set; }
    public ReadOnlySpan<Segment> Segments => CollectionsMarshal.AsSpan(_segments);
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Rows);
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Rows);
    /// <summary>Rows of the rotary tables.</summary>
    public ReadOnlySpan<int> RopePositions => _ropePositions.AsSpan(0, Rows);
    /// <summary>All 0: a request is one text, and only the second text of a pair has another type.</summary>
    public ReadOnlySpan<int> TokenTypes => _tokenTypes.AsSpan(0, Rows);
    public ReadOnlySpan<int> Depths => _depths.AsSpan(0, TreeRows);
    /// <summary>[treeRows, pathLength].</summary>
    public ReadOnlySpan<int> Paths => _paths.AsSpan(0, TreeRows * Size.PathLength);

    /// <summary>[mixedRows]: which rows are mixtures of tokens.</summary>
    public ReadOnlySpan<int> Mixed => _mixedRows.AsSpan(0, MixedRows);
    /// <summary>[mixedRows, terms]; so are the weights, where 0 ends a row's terms.</summary>
    public ReadOnlySpan<int> MixtureIds => _mixtureIds.AsSpan(0, MixedRows * WorkspaceSize.MixtureTerms);
    public ReadOnlySpan<float> MixtureWeights => _mixtureWeights.AsSpan(0, MixedRows * WorkspaceSize.MixtureTerms);

    /// <summary>Forgets all rows.</summary>
    public void Clear()
    {
        _segments.Clear();
        (Rows, TreeRows, MixedRows) = (0, 0, 0);
    }

    /// <summary>Makes row <paramref name="row"/>, which was added as a token, a mixture.</summary>
    public void Mix(int row, TokenMixture mixture)
    {
        const int terms = WorkspaceSize.MixtureTerms;
        Debug.Assert(mixture.Ids.Length is > 0 and <= terms && mixture.Ids.Length == mixture.Weights.Length, "the terms must fit");
        if (_mixedRows.Length == 0)
            (_mixedRows, _mixtureIds, _mixtureWeights) = (new int[Size.Rows], new int[Size.Rows * terms], new float[Size.Rows * terms]);
        var first = MixedRows * terms;
        _mixedRows[MixedRows++] = row;
        mixture.Ids.CopyTo(_mixtureIds, first);
        mixture.Weights.CopyTo(_mixtureWeights, first);
        if (mixture.Ids.Length < terms) _mixtureWeights[first + mixture.Ids.Length] = 0;
    }

    /// <summary>Adds the tokens that follow what <paramref name="cache"/> holds.</summary>
    /// <param name="cache">The sequence.</param>
    /// <param name="tokens">At least one, each in the vocabulary.</param>
    /// <param name="beyond">Whether the pass as a whole reaches beyond the original context of a longrope model.</param>
    /// <param name="attention">Keeps its queries and keys; null for nothing.</param>
    public void Add(KvCache cache, ReadOnlySpan<int> tokens, bool beyond = false, AttentionReader? attention = null)
    {
        Debug.Assert(tokens.Length > 0 && tokens.Length <= Size.Rows - Rows, "the pass must fit the workspace");
        for (var i = 0; i < tokens.Length; i++) Put(tokens[i], cache.Length + i, beyond, Rows + i);
        _segments.Add(new Segment(cache, Rows, tokens.Length, null, 0, 0, attention));
        Rows += tokens.Length;
    }

    /// <summary>
    /// Adds nodes of a token tree whose root follows what <paramref name="cache"/> holds: all, or those after the nodes of earlier passes.
    /// </summary>
    /// <param name="cache">The sequence.</param>
    /// <param name="tokens">Token of each node.</param>
    /// <param name="depths">Depth of each node, the root 0; there may be several roots.</param>
    /// <param name="paths">[nodes, pathLength of the workspace]: the nodes from the root to each node.</param>
    /// <param name="beyond">As in <see cref="Add"/>.</param>
    /// <param name="earlier">Nodes of earlier passes, whose keys and values are in the cache after its length.</param>
    public void AddTree(
        KvCache cache, ReadOnlySpan<int> tokens, ReadOnlySpan<int> depths, ReadOnlySpan<int> paths, bool beyond = false, int earlier = 0)
    {
        Debug.Assert(tokens.Length <= Size.Rows - Rows && tokens.Length <= Size.TreeRows - TreeRows, "the tree must fit the workspace");
        for (var i = 0; i < tokens.Length; i++) Put(tokens[i], cache.Length + depths[i], beyond, Rows + i);
        var (chain, deepest) = (IsChain(depths, earlier), 0);
        foreach (var depth in depths) deepest = Math.Max(deepest, depth);
        _segments.Add(new Segment(cache, Rows, tokens.Length, chain ? null : TreeRows, earlier, chain ? 0 : deepest));
        Rows += tokens.Length;
        if (chain) return;
        depths.CopyTo(_depths.AsSpan(TreeRows));
        paths[..(tokens.Length * Size.PathLength)].CopyTo(_paths.AsSpan(TreeRows * Size.PathLength));
        TreeRows += tokens.Length;
    }

    /// <summary>
    /// A tree without branches is a stretch of tokens; the result is the same, the causal form needs no paths on the device. A node as deep
    /// as there are nodes before it has all of them above it.
    /// </summary>
    private static bool IsChain(ReadOnlySpan<int> depths, int earlier)
    {
        for (var i = 0; i < depths.Length; i++)
        {
            if (depths[i] != earlier + i) return false;
        }
        return true;
    }

    private void Put(int token, int position, bool beyond, int row) =>
        (_tokens[row], _positions[row], _ropePositions[row]) = (token, position, beyond ? position + _ropeOffset : position);
}
