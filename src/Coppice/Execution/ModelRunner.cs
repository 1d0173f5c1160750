using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Models;

namespace Coppice.Execution;

/// <summary>
/// The only owner of what a model computes with: workspace, batch, pages, gate and the times of passes. Runs passes over requests of many
/// sequences.
/// </summary>
/// <remarks>
/// One pass at a time. The caller runs a pass, reads the outputs, and commits to the caches; whoever shares a runner between threads takes
/// turns (<see cref="Scheduler"/>, or a lock around both). A draft model is a second runner on the same device and shares the gate.
/// </remarks>
internal sealed class ModelRunner : IDisposable
{
    /// <summary>Nodes of one token tree at most, and the depth of its deepest.</summary>
    public const int TreeNodes = 96, TreeDepth = KvChunkFormat.Delay - 1;

    private const int BatchTreeRows = 256;
    private const long LogitBytes = 64L << 20;
    private const int PoolSlack = 768;      // three buffers begin at multiples of the pool's alignment

    private readonly ModelWeights _weights;
    private readonly RopeTables _ropes;
    private readonly Workspace _workspace;
    private readonly ForwardBatch _batch;
    private readonly HiddenStates _states;
    private readonly KvPool? _pages;
    private readonly MemoryPool? _pagePool;
    private readonly MemoryPool? _statePool;
    private readonly KvSource _source;
    private readonly int[] _headRows;
    private bool _disposed;

    /// <summary>A runner for <paramref name="weights"/>, which belong to the caller, as does <paramref name="backend"/>.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="spec">The model.</param>
    /// <param name="weights">Its weights, on the device.</param>
    /// <param name="contextLength">Tokens of the longest sequence.</param>
    /// <param name="rows">Rows of the largest pass.</param>
    /// <param name="kv">How keys and values are kept; the tokens that are shared are given apart.</param>
    /// <param name="sharedTokens">Tokens in the pages that all caches share; 0 for caches with memory of their own.</param>
    /// <param name="gate">Taken for each pass; a draft model has its target's.</param>
    /// <exception cref="ArgumentException">Keys and values of this model cannot be compressed so.</exception>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public ModelRunner(
        Backend backend, ModelSpec spec, ModelWeights weights, int contextLength, int rows, KvCacheOptions kv, long sharedTokens,
        Lock? gate = null)
    {
        (Backend, Spec, _weights, ContextLength, Gate) = (backend, spec, weights, contextLength, gate ?? new Lock());
        Size = Sizes(spec, rows);
        Geometry = new KvGeometry(spec.KvLayers, spec.KvHeads, spec.HeadDim, kv.Type);
        // Rows of an encoder see the whole text, so nothing of it is past.
        var format = kv.Compression is { } compression && !spec.IsEncoder ? new KvChunkFormat(compression, Geometry, Size.Rows) : null;
        // First what takes most memory: where it is not there, nothing has been computed.
        if (sharedTokens > 0)
            (_pagePool, _pages) = format is null ? NewPages(sharedTokens) : NewBlocks(format, sharedTokens, kv.ExactTokens);
        try
        {
            _ropes = new RopeTables(backend, spec, contextLength);
            _workspace = new Workspace(backend, spec, Size);
            Transformer = new Transformer(backend, spec, weights, _ropes);
            _batch = new ForwardBatch(Size, contextLength);
            _states = new HiddenStates(backend, spec, Size.Rows);
            Head = new HeadRows(Transformer, _workspace);
            _headRows = new int[Size.LogitRows];
            var states = default(Tensor);
            if (format is not null)
            {
                var shape = new Shape(Size.Rows, spec.QueryHeads, spec.HeadDim + KvChunkFormat.StateScalars);
                _statePool = backend.CreatePool("states", shape.Count * sizeof(float), sparse: true);
                states = _statePool.Rent(shape);
            }
            _source = new KvSource(backend, Geometry, _pages, format, states);
        }
        catch
        {
            _source.States.Buffer?.Dispose();
            _statePool?.Dispose();
            _workspace?.Dispose();
            _ropes?.Dispose();
            _pages?.Dispose();
            _pagePool?.Dispose();
            throw;
        }
    }

    /// <summary>What computes.</summary>
    public Backend Backend { get; }
    /// <summary>The model.</summary>
    public ModelSpec Spec { get; }
    /// <summary>Tokens of the longest sequence.</summary>
    public int ContextLength { get; }
    /// <summary>Largest pass.</summary>
    public WorkspaceSize Size { get; }
    /// <summary>Sizes of keys and values.</summary>
    public KvGeometry Geometry { get; }
    /// <summary>Times of passes by their rows.</summary>
    public PassCosts Costs { get; } = new();
    /// <summary>The forward pass; only this class and tests of it call it.</summary>
    public Transformer Transformer { get; }
    /// <summary>Held while the device works.</summary>
    public Lock Gate { get; }
    /// <summary>Passes run so far: an output is valid while this is the number of its pass.</summary>
    public long Pass { get; private set; }
    /// <summary>Logits of the last pass.</summary>
    public HeadRows Head { get; }
    /// <summary>Memory of the weights.</summary>
    public long WeightBytes => _weights.Pool!.Statistics.BytesInUse;
    /// <summary>Memory of intermediate results.</summary>
    public long WorkspaceBytes => _workspace.BytesInUse + _states.BytesInUse;
    /// <summary>The pages that caches share; null where each has memory of its own.</summary>
    public KvPool? SharedPages => _pages;

    /// <summary>
    /// Passes of <paramref name="rows"/> tokens, with room for token trees, and logits for as many rows as take no more than 64 MiB.
    /// </summary>
    public static WorkspaceSize Sizes(ModelSpec spec, int rows)
    {
        if (spec.IsEncoder) return new WorkspaceSize(rows, LogitRows: 1, TreeRows: 1, TreeDepth + 1);     // neither head nor trees
        var logitRows = (int)Math.Clamp(LogitBytes / (4L * spec.VocabularySize), 8, BatchTreeRows);
        return new WorkspaceSize(Math.Max(rows, TreeNodes), logitRows, BatchTreeRows, TreeDepth + 1);
    }

    /// <summary>Runs one pass over all <paramref name="requests"/>; then their outputs can be read.</summary>
    /// <remarks>
    /// Appends keys and values to the caches after their length; the caller advances or commits them. A row's result does not depend on the
    /// other requests. With several requests the head runs for the nodes of all together; with one, when nodes are asked for, unless the
    /// request is eager.
    /// </remarks>
    /// <param name="requests">At least one; their rows together fit <see cref="Size"/>.</param>
    /// <exception cref="ArgumentException">A cache has no room for its rows, or the model does not have a layer that is asked
    /// for.</exception>
    /// <exception cref="DeviceMemoryException">
    /// Pages are used up, or there is no memory for hidden states; nothing was written.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The runner was disposed.</exception>
    public void Run(ReadOnlySpan<PassRequest> requests)
    {
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            foreach (var request in requests) ReserveHidden(request);
            Pass++;
            Head.Restart();
            _batch.Clear();
            _states.Clear();
            foreach (var request in requests)
            {
                request.Output.Begin(this, Pass, _batch.Rows);
                foreach (var layer in request.HiddenLayers.Span)
                    _states.Ask(layer, _batch.Rows + request.FirstHidden, request.HiddenCount);
                if (request.Depths.IsEmpty) _batch.Add(request.Cache, request.Tokens.Span, request.Beyond, request.Attention);
                else _batch.AddTree(
                    request.Cache, request.Tokens.Span, request.Depths.Span, request.Paths.Span, request.Beyond, request.Earlier);
                var mixtures = request.Mixtures.Span;
                for (var row = 0; row < mixtures.Length; row++)
                {
                    if (mixtures[row] is { } mixture) _batch.Mix(_batch.Rows - request.Rows + row, mixture);
                }
            }
            Transformer.Forward(_batch, _workspace, _states);
            if (requests.Length > 1) ComputeTogether(requests);
            else if (requests[0].Eager) requests[0].Output.ComputeAll();
            Backend.Synchronize();
        }
    }

    /// <summary>Runs one pass over <paramref name="request"/>.</summary>
    /// <inheritdoc cref="Run(ReadOnlySpan{PassRequest})"/>
    public void Run(PassRequest request) => Run(new ReadOnlySpan<PassRequest>(in request));

    /// <summary>Creates an empty cache for <paramref name="tokens"/> tokens and a tree after them.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public KvCache NewCache(int tokens) => KvCacheKind.Create(_source, tokens + TreeNodes);

    /// <summary>Refuses a sequence of <paramref name="tokens"/> tokens that the pages could not hold even if it were alone.</summary>
    /// <exception cref="DeviceMemoryException">There are fewer pages in all.</exception>
    public void RequireRoom(long tokens)
    {
        if (_pages is null || _pages.Fits(KvLayout.Pages((int)tokens))) return;
        throw new DeviceMemoryException(
            $"cache: {tokens:N0} tokens need {KvLayout.Pages((int)tokens)} pages of {KvLayout.PageSize} tokens, the model has "
            + $"{_pages.Pages} for all sessions (raise KvCacheOptions.SharedTokens or shorten the prompt).");
    }

    /// <summary>
    /// The same for <paramref name="branches"/> continuations by <paramref name="more"/> tokens each, which share the whole pages of their
    /// first <paramref name="tokens"/>.
    /// </summary>
    /// <exception cref="DeviceMemoryException">There are fewer pages in all.</exception>
    public void RequireRoom(int tokens, int branches, int more)
    {
        if (_pages is null) return;
        var pages = KvLayout.Pages(tokens) + (long)branches * (KvLayout.Pages(tokens + more) - tokens / KvLayout.PageSize);
        if (pages <= int.MaxValue && _pages.Fits((int)pages)) return;
        throw new DeviceMemoryException(
            $"cache: {branches} continuations of {tokens:N0} tokens by {more:N0} need {pages:N0} pages of {KvLayout.PageSize} tokens, "
            + $"the model has {_pages.Pages} for all sessions (raise KvCacheOptions.SharedTokens or ask for fewer).");
    }

    /// <summary>
    /// Takes the memory for the hidden states that <paramref name="request"/> asks for, so that none of the pass's other requests fails for
    /// want of it. Does nothing where it is there.
    /// </summary>
    /// <exception cref="ArgumentException">The model does not have a layer that is asked for.</exception>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    /// <exception cref="ObjectDisposedException">The runner was disposed.</exception>
    public void ReserveHidden(PassRequest request)
    {
        if (request.HiddenLayers.IsEmpty) return;
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            foreach (var layer in request.HiddenLayers.Span) _states.Reserve(layer);
        }
    }

    /// <summary>Whether the states after <paramref name="layer"/> are there after a pass without being asked for.</summary>
    internal bool KeepsHidden(int layer) => _states.IsInWorkspace(layer);

    /// <summary>Copies hidden states of rows of the pass to the host; under the gate.</summary>
    internal void DownloadHidden(int layer, int first, int count, Span<float> states) =>
        Backend.Download(
            layer == HiddenLayer.Final ? Transformer.Final(_workspace, first, count)
            : (KeepsHidden(layer) ? _workspace.Residual : _states.After(layer)).Slice(first, count), states);

    /// <summary>Waits for a pass that runs, then frees everything. Caches that are still there must only be disposed after that.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (_disposed) return;
            _disposed = true;
            _states.Dispose();
            _workspace.Dispose();
            _pages?.Dispose();
            _pagePool?.Dispose();
            _source.States.Buffer?.Dispose();
            _statePool?.Dispose();
            _ropes.Dispose();
        }
    }

    private (MemoryPool Memory, KvPool Pages) NewPages(long tokens)
    {
        var pages = KvLayout.Pages(checked((int)tokens));
        var memory = Backend.CreatePool("kv", KvPagePool.Bytes(Backend, Geometry, pages) + PoolSlack);
        return (memory, Within(memory, () => new KvPagePool(memory, Geometry, pages)));
    }

    private (MemoryPool Memory, KvPool Pages) NewBlocks(KvChunkFormat format, long tokens, long exactTokens)
    {
        var size = CompressedKvSize.Shared(format, tokens, exactTokens);
        var memory = Backend.CreatePool("kv", CompressedKvPool.Bytes(Backend, format, size) + PoolSlack);
        return (memory, Within(memory, () => new CompressedKvPool(memory, format, size)));
    }

    private static KvPool Within(MemoryPool memory, Func<KvPool> create)
    {
        try
        {
            return create();
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>
    /// One run of the head for the nodes of all requests: roots first, so that they are there whatever else there is no room for.
    /// </summary>
    private void ComputeTogether(ReadOnlySpan<PassRequest> requests)
    {
        var (count, topCount, deepest) = (0, 0, 0);
        foreach (var request in requests)
        {
            topCount = Math.Max(topCount, request.TopCount);
            if (!request.ReadsBlocks) deepest = Math.Max(deepest, request.NodeCount);
        }
        for (var node = 0; node < deepest; node++)
        {
            foreach (var request in requests)
            {
                if (node >= request.NodeCount || request.ReadsBlocks || count == _headRows.Length) continue;
                request.Output.Placed(node, count);
                _headRows[count++] = request.Output.RowOf(node);
            }
        }
        if (count > 0) Head.Compute(_headRows.AsSpan(0, count), topCount);
    }
}
