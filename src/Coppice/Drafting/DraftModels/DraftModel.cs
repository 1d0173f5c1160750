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

/// <summary>
/// A smaller model with the target's tokens, as a drafter uses it: its keys and values of the sequence, and passes over the nodes of a
/// tree.
/// </summary>
/// <remarks>
/// The cache holds committed tokens; the next draft begins with a pass over those that it lacks, and always over the last one, the root.
/// Nodes of the tree are appended after them level by level, and the accepted ones are kept, as far as they were expanded. Allocates
/// nothing after construction.
/// </remarks>
internal sealed class DraftModel : IDraftDistributions, IDisposable
{
    private const int NotExpanded = -1;
    private const int WarmUpRows = 8;   // of the largest pass that a draft begins with after some steps without
    private const int FewRows = 2;      // of a pass whose time is that of drafting, not of a prompt

    // of the draft model, whoever uses it: its gate is held from a pass until its output is read
    private readonly ModelRunner _runner;
    private readonly KvCache _cache;
    private readonly PassRequest _request = new() { Eager = true };
    private readonly int[] _held;                   // tokens whose keys and values are in the cache
    private readonly int[] _rowOf;                  // row of a node after the committed ones
    private readonly int[] _nodeTokens, _depths, _paths, _rows;
    private readonly double[] _weights;
    private readonly int _width;
    private SamplingShape _shape;
    private int _expanded;                          // rows after the committed ones

    /// <summary>A model that has seen nothing.</summary>
    /// <param name="runner">Runs the loaded model; belongs to the caller.</param>
    /// <param name="width">Most probable tokens that a distribution keeps.</param>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public DraftModel(ModelRunner runner, int width)
    {
        _runner = runner;
        _width = Math.Min(width, runner.Spec.VocabularySize);
        _cache = runner.NewCache(runner.ContextLength);
        _request.TopCount = _width;
        _weights = new double[_width];
        _held = new int[runner.ContextLength];
        MaxNodes = Math.Min(ModelRunner.TreeNodes, runner.Size.LogitRows);
        (_rowOf, _nodeTokens, _depths, _rows) = (new int[MaxNodes], new int[MaxNodes], new int[MaxNodes], new int[MaxNodes]);
        _paths = new int[MaxNodes * runner.Size.PathLength];
        Proposals = new Proposals<double>(MaxNodes, _width);
        try
        {
            WarmUp();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Proposals<double> Proposals { get; }

    /// <summary>Time of a pass over one row; 0 before some were measured.</summary>
    public double PassSeconds => _runner.Costs.IsMeasured ? _runner.Costs.Seconds(1) : 0;

    /// <summary>Nodes that fit, the root among them.</summary>
    public int MaxNodes { get; }

    /// <summary>Depth of the deepest node that fits after a number of tokens.</summary>
    public int MaxDepth(int tokens) =>
        Math.Min(Math.Min(_runner.ContextLength, _runner.Spec.LongPositionsFrom ?? int.MaxValue) - tokens, _runner.Size.PathLength - 1);

    /// <summary>
    /// A generation begins: keeps what the sequence so far and <paramref name="prompt"/> have in common, and runs over the rest while the
    /// target has its prompt still before it, so that no token waits for that later.
    /// </summary>
    public void Begin(ReadOnlySpan<int> prompt)
    {
        _expanded = 0;
        lock (_runner.Gate)
        {
            _cache.Truncate(Math.Min(prompt.CommonPrefixLength(_held.AsSpan(0, _cache.Length)), prompt.Length - 1));
            if (MaxDepth(prompt.Length) > 0) RunOver(prompt[..^1], nodes: 0);
        }
    }

    /// <summary>
    /// Begins a draft after <paramref name="tokens"/>, the last one the root: runs over what the cache lacks and over the root, and sets
    /// the root's distribution.
    /// </summary>
    /// <remarks>
    /// A draft for the same tokens may have begun before: the target's pass that it was made for did not fit, and is planned again. What
    /// the root gave then is gone with the runner's next pass, which may be another sequence's.
    /// </remarks>
    /// <param name="tokens">All tokens of the sequence, as many as <see cref="MaxDepth"/> has room for.</param>
    /// <param name="shape">Applied to every distribution of this draft.</param>
    public void Start(ReadOnlySpan<int> tokens, SamplingShape shape)
    {
        (_shape, _expanded) = (shape, 0);
        lock (_runner.Gate)
        {
            var start = Stopwatch.GetTimestamp();
            _cache.Truncate(Math.Min(_cache.Length, tokens.Length - 1));
            var rows = RunOver(tokens, nodes: 1);
            Read([0]);
            if (rows <= FewRows) _runner.Costs.Observe(rows, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    /// <inheritdoc/>
    public void Expand(TokenTree tree, ReadOnlySpan<int> nodes)
    {
        if (_expanded == 0) _rowOf.AsSpan().Fill(NotExpanded);
        var pathLength = _runner.Size.PathLength;
        for (var i = 0; i < nodes.Length; i++)
        {
            var path = tree.Path(nodes[i])[1..];
            _rowOf[nodes[i]] = _expanded + i;
            (_nodeTokens[i], _depths[i]) = (tree.Tokens[nodes[i]], path.Length - 1);
            for (var j = 0; j < path.Length; j++) _paths[i * pathLength + j] = _rowOf[path[j]];
        }
        lock (_runner.Gate)
        {
            var start = Stopwatch.GetTimestamp();
            var paths = _paths.AsMemory(0, nodes.Length * pathLength);
            _request.Nodes(_cache, _nodeTokens.AsMemory(0, nodes.Length), _depths.AsMemory(0, nodes.Length), paths, _expanded);
            _runner.Run(_request);
            _expanded += nodes.Length;
            Read(nodes);
            if (nodes.Length <= FewRows) _runner.Costs.Observe(nodes.Length, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    /// <summary>The target has verified a tree: keeps the accepted nodes, from the first on as far as they were expanded.</summary>
    public void Accept(in VerificationResult verification)
    {
        if (_expanded == 0) return;
        var path = verification.Path;
        var count = 0;
        for (var i = 1; i < path.Length && i <= verification.Emitted.Length && _rowOf[path[i]] != NotExpanded; i++)
            _rows[count++] = _rowOf[path[i]];
        verification.Emitted[..count].CopyTo(_held.AsSpan(_cache.Length));
        lock (_runner.Gate) _cache.Commit(_rows.AsSpan(0, count));
        _expanded = 0;
    }

    /// <summary>Frees keys and values.</summary>
    public void Dispose()
    {
        lock (_runner.Gate) _cache.Dispose();
    }

    /// <summary>
    /// Passes whose results are discarded: code is compiled and memory is there before the first draft, and it is known what a pass takes.
    /// </summary>
    private void WarmUp()
    {
        for (var rows = Math.Min(WarmUpRows, _runner.ContextLength); rows > 0 || !_runner.Costs.IsMeasured; rows /= 2)
        {
            Start(_held.AsSpan(0, Math.Max(rows, 1)), SamplingShape.Unchanged);
            lock (_runner.Gate) _cache.Truncate(0);
        }
    }

    /// <summary>Runs over those of <paramref name="tokens"/> that the cache lacks; returns how many the last pass had.</summary>
    /// <param name="tokens">All tokens.</param>
    /// <param name="nodes">How many of the last ones need logits.</param>
    private int RunOver(ReadOnlySpan<int> tokens, int nodes)
    {
        var rows = 0;
        while (_cache.Length < tokens.Length)
        {
            var (start, missing) = (_cache.Length, tokens.Length - _cache.Length);
            rows = Math.Min(missing, _runner.Size.Rows);
            tokens.Slice(start, rows).CopyTo(_held.AsSpan(start));
            _request.Stretch(_cache, _held.AsMemory(start, rows), rows == missing ? nodes : 0);
            _runner.Run(_request);
            _cache.Advance(rows);
        }
        return rows;
    }

    /// <summary>Sets the distributions of <paramref name="nodes"/> from the nodes of the last pass.</summary>
    private void Read(ReadOnlySpan<int> nodes)
    {
        for (var i = 0; i < nodes.Length; i++)
        {
            var tokens = _request.Output.Best(i, _width, out var logits);
            var count = DraftShape.Apply(logits, _shape, _weights);
            Proposals.Set(nodes[i], tokens[..count], _weights.AsSpan(0, count));
        }
    }
}
