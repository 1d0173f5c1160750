using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Models;

namespace Coppice.Execution;

/// <summary>
/// The decoder layer that Hydra++ runs over a sequence of the model's final states, causally and with keys and values of its own, before
/// heads read the last of them.
/// </summary>
/// <remarks>
/// One for a model; each sequence has a cache from <see cref="NewCache"/>. Positions are those of the cache, so a sequence whose beginning
/// was not seen begins at 0: rotary embeddings know only distances. Takes the model's gate for each run. Source: Ankner et al., Hydra
/// (2024), section 4.
/// </remarks>
internal sealed class PrefixLayer : IDisposable
{
    /// <summary>Rows of one run at most.</summary>
    public const int MostRows = 64;

    private readonly Backend _backend;
    private readonly ModelSpec _spec;
    private readonly ModelWeights _weights;
    private readonly RopeTables _ropes;
    private readonly Workspace _workspace;
    private readonly Transformer _transformer;
    private readonly ForwardBatch _batch;
    private readonly int[] _tokens = new int[MostRows];     // none: rows begin as states
    private readonly int _positions;
    private readonly Lock _gate;
    private bool _disposed;

    /// <summary>A layer with <paramref name="weights"/>, which belong to it from now on.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="spec">One layer of the model's kind: see <see cref="SpecOf"/>.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="positions">Tokens of the longest sequence.</param>
    /// <param name="gate">The model's.</param>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public PrefixLayer(Backend backend, ModelSpec spec, ModelWeights weights, int positions, Lock gate)
    {
        (_backend, _spec, _weights, _positions, _gate) = (backend, spec, weights, positions, gate);
        var size = new WorkspaceSize(MostRows, LogitRows: 1, TreeRows: 1, PathLength: 1);
        try
        {
            _ropes = new RopeTables(backend, spec, positions);
            _workspace = new Workspace(backend, spec, size);
            _transformer = new Transformer(backend, spec, weights, _ropes);
            _batch = new ForwardBatch(size, positions);
        }
        catch
        {
            _workspace?.Dispose();
            _ropes?.Dispose();
            throw;
        }
    }

    /// <summary>Memory of the weights and of intermediate results.</summary>
    public long BytesInUse => _weights.Pool!.Statistics.BytesInUse + _workspace.BytesInUse;

    /// <summary>A model of the last layer's kind alone, without a vocabulary of its own.</summary>
    public static ModelSpec SpecOf(ModelSpec model) =>
        model with { Layers = [model.Layers[^1]], VocabularySize = 1, TiedHead = true, HeadBias = false };

    /// <summary>An empty cache for one sequence; belongs to the caller, who disposes it before the layer.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public KvCache NewCache() =>
        KvCacheKind.Create(
            new KvSource(_backend, new KvGeometry(1, _spec.KvHeads, _spec.HeadDim, ElementType.F16), Pages: null), _positions);

    /// <summary>Runs over the states that follow what <paramref name="cache"/> holds, and keeps their keys and values.</summary>
    /// <param name="cache">The sequence; must have room.</param>
    /// <param name="states">[rows, hidden], at most <see cref="MostRows"/> rows.</param>
    /// <param name="last">[hidden]: the last row's output, after the final norm.</param>
    /// <exception cref="ObjectDisposedException">The layer was disposed.</exception>
    public void Run(KvCache cache, ReadOnlySpan<float> states, Span<float> last)
    {
        var rows = states.Length / _spec.HiddenSize;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _batch.Clear();
            _batch.Add(cache, _tokens.AsSpan(0, rows));
            _transformer.Forward(_batch, _workspace, states);
            cache.Advance(rows);
            _backend.Download(_transformer.Final(_workspace, rows - 1, 1), last);
        }
    }

    /// <summary>Waits for what runs, then frees everything.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _workspace.Dispose();
            _ropes.Dispose();
            _weights.Dispose();
        }
    }
}
