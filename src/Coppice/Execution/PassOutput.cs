using Coppice.Decoding.Verification;
using Coppice.Models;

namespace Coppice.Execution;

/// <summary>
/// What a pass gave one sequence: logits of its nodes and the largest of them, computed when they are asked for unless the request wanted
/// them at once.
/// </summary>
/// <remarks>
/// The head reads as many bytes for one row as for a few, so a node that is asked for brings the nodes below it along, as far as one run of
/// the head takes them for the price of one. Trees are numbered so that likely nodes come first; rows far from the walk cost nothing. Valid
/// until the next pass of the same runner; after that every method throws.
/// </remarks>
internal sealed class PassOutput
{
    /// <summary>Rows of one run of the head that is asked for by a node.</summary>
    private const int Run = 8;

    private readonly PassRequest _request;
    private ModelRunner _runner = null!;
    private long _pass;                 // of the runner
    private int _firstRow;              // of the request's rows in the pass
    private int _epoch;                 // of the head's rows that _places are about
    private int[] _places = [];         // of a node's logits among the head's rows, or HeadRows.None
    private int[] _chosen = [];         // scratch: nodes of one run
    private int[] _rows = [];           // scratch: their rows in the pass

    internal PassOutput(PassRequest request) => _request = request;

    /// <summary>Nodes.</summary>
    public int Count => _request.NodeCount;
    /// <summary>Elements of a hidden state.</summary>
    public int HiddenSize => _runner.Spec.HiddenSize;
    /// <summary>Time that the head and copies have taken since the runner was made; differences of it count.</summary>
    public TimeSpan HeadTime => _runner.Head.Time;

    /// <summary>A pass has run over the request, whose first row was row <paramref name="firstRow"/> of it.</summary>
    internal void Begin(ModelRunner runner, long pass, int firstRow)
    {
        (_runner, _pass, _firstRow, _epoch) = (runner, pass, firstRow, runner.Head.Epoch);
        Reserve(Count);
        _places.AsSpan(0, Count).Fill(HeadRows.None);
    }

    /// <summary>Makes room for <paramref name="nodes"/> nodes, so that no pass has to.</summary>
    public void Reserve(int nodes)
    {
        if (_places.Length >= Math.Max(nodes, Run)) return;
        var room = Math.Max(nodes, Run);
        (_places, _chosen, _rows) = (new int[room], new int[room], new int[room]);
    }

    /// <summary>Copies the logits of <paramref name="node"/> to <paramref name="logits"/> [vocabulary].</summary>
    public void Download(int node, Span<float> logits)
    {
        lock (_runner.Gate)
        {
            Ensure(node);
            _runner.Head.Download(_places[node], 1, logits);
        }
    }

    /// <summary>
    /// Copies the logits of <paramref name="count"/> nodes from <paramref name="first"/> on; at most as many as the head computes at once.
    /// </summary>
    /// <param name="first">The first node.</param>
    /// <param name="count">From 1 to <see cref="WorkspaceSize.LogitRows"/>.</param>
    /// <param name="logits">[count, vocabulary].</param>
    public void Download(int first, int count, Span<float> logits)
    {
        lock (_runner.Gate)
        {
            Check();
            for (var i = 0; i < count; i++) _chosen[i] = first + i;
            _runner.Head.Restart();
            Compute(count);
            _runner.Head.Download(0, count, logits);
        }
    }

    /// <summary>Computes the logits of every node, as far as the head has room for them.</summary>
    public void ComputeAll()
    {
        lock (_runner.Gate)
        {
            Check();
            var count = 0;
            for (var node = 0; node < Count && count < _runner.Head.Capacity; node++)
            {
                if (!IsComputed(node)) _chosen[count++] = node;
            }
            Compute(count);
        }
    }

    /// <summary>
    /// The <paramref name="count"/> best tokens after <paramref name="node"/>, or as many as the request asked for, the best first; NaN is
    /// -∞, and of equal ones the lowest id comes first.
    /// </summary>
    public ReadOnlySpan<int> Best(int node, int count, out ReadOnlySpan<float> logits)
    {
        lock (_runner.Gate) Ensure(node);
        return _runner.Head.Best(_places[node], Math.Min(count, _request.TopCount), out logits);
    }

    /// <summary>
    /// The <paramref name="count"/> best tokens after each node whose logits were computed, or as many as the vocabulary has.
    /// </summary>
    public TopRows Top(int count)
    {
        if (count == 0) return default;
        lock (_runner.Gate)
        {
            Check();
            if (_epoch != _runner.Head.Epoch) _places.AsSpan(0, Count).Fill(HeadRows.None);
            return _runner.Head.Top(_places, Math.Min(count, _request.TopCount));
        }
    }

    /// <summary>Copies hidden states of <paramref name="count"/> rows from <paramref name="first"/> on.</summary>
    /// <param name="layer">
    /// Which states, by <see cref="HiddenLayer"/>: those that <see cref="PassRequest.Hidden"/> asked for, or those after the last layer.
    /// </param>
    /// <param name="first">Row of the request.</param>
    /// <param name="count">Rows.</param>
    /// <param name="states">[count, hidden].</param>
    /// <exception cref="InvalidOperationException">
    /// They were not asked for, the request does not have the rows, or another pass has run.
    /// </exception>
    public void Hidden(int layer, int first, int count, Span<float> states)
    {
        lock (_runner.Gate)
        {
            Check();
            var isThere = _runner.KeepsHidden(layer)
                ? first >= 0 && count <= _request.Rows - first
                : _request.HiddenLayers.Span.Contains(layer) && first >= _request.FirstHidden
                    && count <= _request.FirstHidden + _request.HiddenCount - first;
            if (!isThere)
            {
                throw new InvalidOperationException(
                    $"pass: hidden states must be asked for before it runs, but those of {count} rows from {first} on after layer {layer} "
                    + "were not.");
            }
            _runner.DownloadHidden(layer, _firstRow + first, count, states);
        }
    }

    /// <summary>
    /// Copies the last hidden states, after the final norm, of <paramref name="count"/> rows from <paramref name="first"/> on.
    /// </summary>
    /// <param name="first">Row of the request.</param>
    /// <param name="count">Rows.</param>
    /// <param name="states">[count, hidden].</param>
    public void Final(int first, int count, Span<float> states) => Hidden(HiddenLayer.Final, first, count, states);

    /// <summary>A run of the head has computed <paramref name="node"/> as row <paramref name="place"/> of its rows.</summary>
    internal void Placed(int node, int place) => _places[node] = place;

    /// <summary>The row of <paramref name="node"/> in the pass.</summary>
    internal int RowOf(int node) => _firstRow + _request.FirstNode + node;

    private bool IsComputed(int node) => _epoch == _runner.Head.Epoch && _places[node] != HeadRows.None;

    private void Check()
    {
        if (_runner.Pass != _pass) throw new InvalidOperationException("pass: its output must be read before the runner's next pass.");
    }

    private void Ensure(int node)
    {
        Check();
        if (IsComputed(node)) return;
        var count = 0;
        _chosen[count++] = node;
        if (_request.Tree is { } tree)
        {
            var depth = tree.Depths[node];
            for (var below = node + 1; below < tree.Count && count < Run; below++)
            {
                var path = tree.Path(below);
                if (path.Length > depth && path[depth] == node && !IsComputed(below)) _chosen[count++] = below;
            }
        }
        Compute(count);
    }

    /// <summary>Runs the head for the first <paramref name="count"/> nodes of the scratch list.</summary>
    private void Compute(int count)
    {
        if (count == 0) return;
        for (var i = 0; i < count; i++) _rows[i] = RowOf(_chosen[i]);
        var place = _runner.Head.Compute(_rows.AsSpan(0, count), _request.TopCount);
        if (_epoch != _runner.Head.Epoch) _places.AsSpan(0, Count).Fill(HeadRows.None);
        _epoch = _runner.Head.Epoch;
        for (var i = 0; i < count; i++) _places[_chosen[i]] = place + i;
    }
}
