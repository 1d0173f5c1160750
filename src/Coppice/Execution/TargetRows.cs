using System.Diagnostics;
using Coppice.Decoding.Verification;
using Coppice.Models;

namespace Coppice.Execution;

/// <summary>The target's logits behind the nodes of one pass and the largest of them, computed when they are asked for.</summary>
/// <remarks>
/// The head reads as many bytes for one row as for a few, so a node that is asked for brings the nodes below it along, as far as one run of the head
/// takes them for the price of one. Trees are numbered so that likely nodes come first; rows far from the walk cost nothing.
/// </remarks>
internal sealed class TargetRows(Transformer model, Workspace workspace)
{
    private const int Uncomputed = -1;
    /// <summary>Rows of one run of the head.</summary>
    private const int Run = 8;

    private readonly int[] _places = new int[workspace.Size.LogitRows];     // of a node's logits in the workspace
    private readonly int[] _chosen = new int[workspace.Size.LogitRows];
    private readonly int[] _topTokens = new int[workspace.Size.LogitRows * WorkspaceSize.MaxTopCount];
    private readonly float[] _topLogits = new float[workspace.Size.LogitRows * WorkspaceSize.MaxTopCount];
    private TokenTree _tree = null!;
    private int _firstRow, _count, _computed, _fetched;
    private long _ticks;

    /// <summary>Time of the head and of copies since <see cref="Begin"/>.</summary>
    public TimeSpan Time => Stopwatch.GetElapsedTime(0, _ticks);

    /// <summary>A pass has run over <paramref name="tree"/>, whose root is row <paramref name="firstRow"/>; the <paramref name="count"/> best tokens of rows will be asked for.</summary>
    public void Begin(TokenTree tree, int firstRow, int count)
    {
        (_tree, _firstRow, _count, _computed, _fetched, _ticks) = (tree, firstRow, Math.Min(count, workspace.TopTokens.Last), 0, 0, 0);
        _places.AsSpan(0, tree.Count).Fill(Uncomputed);
    }

    /// <summary>Copies the logits behind <paramref name="node"/> to the host.</summary>
    public void Download(int node, Span<float> logits)
    {
        var start = Stopwatch.GetTimestamp();
        if (_places[node] == Uncomputed) ComputeFrom(node);
        model.Backend.Download(workspace.Logits.Slice(_places[node], 1), logits);
        _ticks += Stopwatch.GetTimestamp() - start;
    }

    /// <summary>Computes the logits behind every node.</summary>
    public void ComputeAll()
    {
        var start = Stopwatch.GetTimestamp();
        var count = 0;
        for (var node = 0; node < _tree.Count; node++)
        {
            if (_places[node] == Uncomputed) _chosen[count++] = node;
        }
        Compute(count);
        _ticks += Stopwatch.GetTimestamp() - start;
    }

    /// <summary>The <paramref name="count"/> best tokens behind <paramref name="node"/>, or as many as were announced, the best first; NaN is -∞, and of equal ones the lowest id comes first.</summary>
    public ReadOnlySpan<int> Best(int node, int count, out ReadOnlySpan<float> logits)
    {
        var start = Stopwatch.GetTimestamp();
        if (_places[node] == Uncomputed) ComputeFrom(node);
        Fetch();
        _ticks += Stopwatch.GetTimestamp() - start;
        var (first, length) = (_places[node] * workspace.TopTokens.Last, Math.Min(count, _count));
        logits = _topLogits.AsSpan(first, length);
        return _topTokens.AsSpan(first, length);
    }

    /// <summary>The <paramref name="count"/> best tokens behind each node whose logits were computed, or as many as the vocabulary has.</summary>
    public TopRows Top(int count)
    {
        if (count == 0) return default;
        var start = Stopwatch.GetTimestamp();
        Fetch();
        _ticks += Stopwatch.GetTimestamp() - start;
        return new TopRows(_places, _topTokens, _topLogits, workspace.TopTokens.Last, Math.Min(count, _count));
    }

    /// <summary>Copies the best of the rows that were computed since to the host.</summary>
    private void Fetch()
    {
        var (first, rows, width) = (_fetched, _computed - _fetched, workspace.TopTokens.Last);
        if (rows == 0) return;
        model.Backend.Download(workspace.TopLogits.Slice(first, rows), _topLogits.AsSpan(first * width, rows * width));
        model.Backend.Download(workspace.TopTokens.Slice(first, rows), _topTokens.AsSpan(first * width, rows * width));
        _fetched = _computed;
    }

    /// <summary>The node, then nodes below it in their order.</summary>
    private void ComputeFrom(int node)
    {
        var count = 0;
        _chosen[count++] = node;
        var depth = _tree.Depths[node];
        for (var below = node + 1; below < _tree.Count && count < Run; below++)
        {
            var path = _tree.Path(below);
            if (path.Length > depth && path[depth] == node && _places[below] == Uncomputed) _chosen[count++] = below;
        }
        Compute(count);
    }

    private void Compute(int count)
    {
        if (count == 0) return;
        var nodes = _chosen.AsSpan(0, count);
        for (var i = 0; i < count; i++)
        {
            _places[nodes[i]] = _computed + i;
            nodes[i] += _firstRow;
        }
        if (_count == 0) model.Logits(workspace, nodes, _computed);
        else
        {
            var (best, tokens) = (workspace.TopLogits.Slice(_computed, count), workspace.TopTokens.Slice(_computed, count));
            model.Logits(workspace, nodes, _computed, best.Columns(0, _count), tokens.Columns(0, _count));
        }
        _computed += count;
    }
}
