using System.Diagnostics;
using Coppice.Cache;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Drafting;

/// <summary>A smaller model with the target's tokens, as a drafter uses it: its keys and values of the sequence, and passes over the nodes of a tree.</summary>
/// <remarks>
/// The cache holds committed tokens, always fewer than there are; the next draft begins with a pass over those that it lacks, the root the last of them. Nodes of the tree are
/// appended behind them level by level, and the accepted ones are kept, as far as they were expanded. Allocates nothing after construction.
/// </remarks>
internal sealed class DraftModel : IDraftDistributions, IDisposable
{
    private const int NotExpanded = -1;
    private const int WarmUpRows = 8;   // of the largest pass that a draft begins with after some steps without
    private const int FewRows = 2;      // of a pass whose time is that of drafting, not of a prompt

    private readonly Transformer _model;
    private readonly Lock _gate;
    private readonly PassCosts _costs;              // of the draft model, whoever uses it
    private readonly int _maxTokens;
    private readonly KvCache _cache;
    private readonly MemoryPool _cachePool;
    private readonly MemoryPool _bestPool;
    private readonly Workspace _workspace;
    private readonly ForwardBatch _batch;
    private readonly Tensor _values, _tokens;       // [rows, width]: the most probable tokens of the last pass
    private readonly float[] _bestValues;
    private readonly int[] _bestTokens;
    private readonly int[] _held;                   // tokens whose keys and values are in the cache
    private readonly int[] _rowOf;                  // row of a node behind the committed ones
    private readonly int[] _nodeTokens, _depths, _paths, _rows;
    private readonly double[] _weights;
    private SamplingShape _shape;
    private int _expanded;                          // rows behind the committed ones

    /// <summary>A model that has seen nothing.</summary>
    /// <param name="model">The loaded model; belongs to the caller.</param>
    /// <param name="width">Most probable tokens that a distribution keeps.</param>
    /// <exception cref="DeviceMemoryException">The device has not enough memory.</exception>
    public DraftModel(LanguageModel model, int width)
    {
        (_model, _gate, _costs, _maxTokens) = (model.Transformer, model.Gate, model.PassCosts, model.MaxTokens);
        var (size, backend) = (model.Size, model.Backend);
        width = Math.Min(width, model.VocabularySize);
        (_cache, _cachePool) = model.NewCache(model.MaxTokens);
        _bestPool = backend.CreatePool("draft", 2 * (4L * size.LogitRows * width + 512));
        _values = _bestPool.Rent(new Shape(size.LogitRows, width), ElementType.F32);
        _tokens = _bestPool.Rent(new Shape(size.LogitRows, width), ElementType.I32);
        _workspace = new Workspace(backend, model.Spec, size);
        _batch = new ForwardBatch(size, model.MaxTokens);
        (_bestValues, _bestTokens, _weights) = (new float[size.LogitRows * width], new int[size.LogitRows * width], new double[width]);
        (_held, _rowOf) = (new int[model.MaxTokens], new int[size.TreeRows]);
        (_nodeTokens, _depths, _rows) = (new int[size.TreeRows], new int[size.TreeRows], new int[size.TreeRows]);
        _paths = new int[size.TreeRows * size.PathLength];
        Proposals = new Proposals<double>(size.TreeRows, width);
        WarmUp();
    }

    /// <inheritdoc/>
    public Proposals<double> Proposals { get; }

    /// <summary>Time of a pass over one row; 0 before some were measured.</summary>
    public double PassSeconds => _costs.IsMeasured ? _costs.Seconds(1) : 0;

    /// <summary>Nodes that fit, the root among them.</summary>
    public int MaxNodes => Math.Min(_rowOf.Length, _workspace.Size.LogitRows);

    /// <summary>Depth of the deepest node that fits behind so many tokens.</summary>
    public int MaxDepth(int tokens) =>
        Math.Min(Math.Min(_maxTokens, _model.Spec.LongPositionsFrom ?? int.MaxValue) - tokens, _workspace.Size.PathLength - 1);

    /// <summary>
    /// A generation begins: keeps what the sequence so far and <paramref name="prompt"/> have in common, and runs over the rest while the target has its prompt still
    /// before it, so that no token waits for that later.
    /// </summary>
    public void Begin(ReadOnlySpan<int> prompt)
    {
        _expanded = 0;
        lock (_gate)
        {
            _cache.Truncate(Math.Min(prompt.CommonPrefixLength(_held.AsSpan(0, _cache.Length)), prompt.Length - 1));
            if (MaxDepth(prompt.Length) > 0) RunOver(prompt[..^1]);
        }
    }

    /// <summary>Begins a draft behind <paramref name="tokens"/>, the last one the root: runs over what the cache lacks and sets the root's distribution.</summary>
    /// <param name="tokens">All tokens of the sequence, as many as <see cref="MaxDepth"/> has room for.</param>
    /// <param name="shape">Applied to every distribution of this draft.</param>
    public void Start(ReadOnlySpan<int> tokens, SamplingShape shape)
    {
        (_shape, _expanded) = (shape, 0);
        lock (_gate)
        {
            var start = Stopwatch.GetTimestamp();
            var rows = RunOver(tokens);
            Read([rows - 1], [0]);
            if (rows <= FewRows) _costs.Observe(rows, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    /// <inheritdoc/>
    public void Expand(TokenTree tree, ReadOnlySpan<int> nodes)
    {
        if (_expanded == 0) _rowOf.AsSpan().Fill(NotExpanded);
        var pathLength = _workspace.Size.PathLength;
        for (var i = 0; i < nodes.Length; i++)
        {
            var path = tree.Path(nodes[i])[1..];
            _rowOf[nodes[i]] = _expanded + i;
            (_nodeTokens[i], _depths[i], _rows[i]) = (tree.Tokens[nodes[i]], path.Length - 1, i);
            for (var j = 0; j < path.Length; j++) _paths[i * pathLength + j] = _rowOf[path[j]];
        }
        lock (_gate)
        {
            var start = Stopwatch.GetTimestamp();
            _batch.Clear();
            _batch.AddTree(_cache, _nodeTokens.AsSpan(0, nodes.Length), _depths.AsSpan(0, nodes.Length), _paths, behind: _expanded);
            _model.Forward(_batch, _workspace);
            _expanded += nodes.Length;
            Read(_rows.AsSpan(0, nodes.Length), nodes);
            if (nodes.Length <= FewRows) _costs.Observe(nodes.Length, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    /// <summary>The target has verified a tree: keeps the accepted nodes, from the first on as far as they were expanded.</summary>
    public void Accept(in VerificationResult verification)
    {
        if (_expanded == 0) return;
        var path = verification.Path;
        var count = 0;
        for (var i = 1; i < path.Length && i <= verification.Emitted.Length && _rowOf[path[i]] != NotExpanded; i++) _rows[count++] = _rowOf[path[i]];
        verification.Emitted[..count].CopyTo(_held.AsSpan(_cache.Length));
        lock (_gate) _cache.Commit(_rows.AsSpan(0, count));
        _expanded = 0;
    }

    /// <summary>Frees keys, values and workspace.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _workspace.Dispose();
            _values.Buffer.Dispose();
            _tokens.Buffer.Dispose();
            _bestPool.Dispose();
            _cache.Dispose();
            _cachePool.Dispose();
        }
    }

    /// <summary>Passes of which nothing stays: code is compiled and memory is there before the first draft, and it is known what a pass takes.</summary>
    private void WarmUp()
    {
        for (var rows = Math.Min(WarmUpRows, _maxTokens); rows > 0 || !_costs.IsMeasured; rows /= 2)
        {
            Start(_held.AsSpan(0, Math.Max(rows, 1)), SamplingShape.Unchanged);
            lock (_gate) _cache.Truncate(0);
        }
    }

    /// <summary>Runs over those of <paramref name="tokens"/> that the cache lacks; returns how many the last pass had.</summary>
    private int RunOver(ReadOnlySpan<int> tokens)
    {
        var rows = 0;
        while (_cache.Length < tokens.Length)
        {
            var next = tokens.Slice(_cache.Length, Math.Min(tokens.Length - _cache.Length, _workspace.Size.Rows));
            next.CopyTo(_held.AsSpan(_cache.Length));
            _batch.Clear();
            _batch.Add(_cache, next);
            _model.Forward(_batch, _workspace);
            _cache.Advance(rows = next.Length);
        }
        return rows;
    }

    /// <summary>Sets the distributions of <paramref name="nodes"/> from rows of the last pass.</summary>
    private void Read(ReadOnlySpan<int> rows, ReadOnlySpan<int> nodes)
    {
        var (backend, width) = (_model.Backend, Proposals.Width);
        var (values, tokens) = (_values.Slice(0, rows.Length), _tokens.Slice(0, rows.Length));
        _model.Logits(_workspace, rows, 0, values, tokens);
        backend.Download(values, _bestValues.AsSpan(0, rows.Length * width));
        backend.Download(tokens, _bestTokens.AsSpan(0, rows.Length * width));
        for (var i = 0; i < rows.Length; i++)
        {
            var count = DraftShape.Apply(_bestValues.AsSpan(i * width, width), _shape, _weights);
            Proposals.Set(nodes[i], _bestTokens.AsSpan(i * width, count), _weights.AsSpan(0, count));
        }
    }
}
