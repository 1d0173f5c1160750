using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Kernels.Numerics;
using Coppice.Models;

namespace Coppice.Execution;

/// <summary>Runs the draft heads of a model over rows of several sequences at once, and gives the best tokens of each row.</summary>
/// <remarks>
/// Takes the model's gate for each run, as a pass does. The host's arrays belong to the caller. Nothing is allocated after construction.
/// Results of a row do not depend on the other rows.
/// </remarks>
internal sealed class HeadRunner : IDisposable
{
    /// <summary>Best tokens that are given of each row.</summary>
    public const int MostTop = 16;
    /// <summary>Rows of one run at most.</summary>
    public const int MostRows = 32;

    private readonly Backend _backend;
    private readonly HeadWeights _weights;
    private readonly WeightMatrix _embedding;
    private readonly MemoryPool _pool;
    private readonly List<PoolBuffer> _rented = [];
    private readonly Tensor _ids, _places, _inputs, _gate, _output, _scratch, _logits, _best, _bestTokens;
    private readonly int[] _column = new int[MostRows];
    private readonly float _logitScale;
    private bool _disposed;

    /// <summary>A runner for <paramref name="weights"/>, which belong to it from now on.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="spec">The model that is drafted for.</param>
    /// <param name="weights">The heads.</param>
    /// <param name="embedding">The model's embedding, which Hydra's heads read.</param>
    /// <param name="gate">The model's.</param>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public HeadRunner(Backend backend, ModelSpec spec, HeadWeights weights, WeightMatrix embedding, Lock gate)
    {
        (_backend, _weights, _embedding, Gate, HiddenSize) = (backend, weights, embedding, gate, spec.HiddenSize);
        _logitScale = spec.LogitScale;
        Top = Math.Min(MostTop, weights.VocabularyRows);
        var (width, heads) = (spec.HiddenSize, weights.Heads.Count);
        var outputs = IsConditioned ? MostRows : MostRows * heads;      // Medusa's heads run over the same rows and share the product
        (Shape Shape, ElementType Type)[] sizes =
        [
            (new Shape(MostRows), ElementType.I32), (new Shape(MostRows), ElementType.I32),
            (new Shape(MostRows, IsConditioned ? (heads + 1) * width : width), ElementType.F32),
            (new Shape(MostRows, width), ElementType.F32), (new Shape(outputs, width), ElementType.F32),
            (new Shape(MostRows, width), ElementType.F32), (new Shape(outputs, weights.VocabularyRows), ElementType.F32),
            (new Shape(outputs, Top), ElementType.F32), (new Shape(outputs, Top), ElementType.I32),
        ];
        var bytes = sizes.Sum(size => (size.Shape.Count * size.Type.Size() + 256) / 256 * 256);
        _pool = backend.CreatePool("draft heads' rows", bytes, sparse: true);
        try
        {
            var tensors = sizes.Select(size => Rent(size.Shape, size.Type)).ToArray();
            (_ids, _places, _inputs, _gate, _output) = (tensors[0], tensors[1], tensors[2], tensors[3], tensors[4]);
            (_scratch, _logits, _best, _bestTokens) = (tensors[5], tensors[6], tensors[7], tensors[8]);
            int[] places = [.. Enumerable.Range(0, MostRows)];
            backend.Upload<int>(places, _places);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Held while the device works.</summary>
    public Lock Gate { get; }
    /// <summary>Elements of a state.</summary>
    public int HiddenSize { get; }
    /// <summary>Best tokens of each row.</summary>
    public int Top { get; }
    /// <summary>Heads: the deepest token is as many places after the root.</summary>
    public int Depth => _weights.Heads.Count;
    /// <summary>Whether a head reads the tokens before its own, so that heads run one after the other.</summary>
    public bool IsConditioned => _weights.Layout.Kind == HeadKind.Hydra;
    /// <summary>Memory of the weights and of intermediate results.</summary>
    public long BytesInUse => _weights.Bytes + _pool.Statistics.BytesInUse;

    /// <summary>Runs all heads of Medusa over states.</summary>
    /// <param name="states">[rows, hidden], at most <see cref="MostRows"/> rows: what the model's head reads.</param>
    /// <param name="tokens">[heads, rows, top]: the best tokens of each head, the best first.</param>
    /// <param name="logits">Their logits.</param>
    /// <exception cref="ObjectDisposedException">The runner was disposed.</exception>
    public void Run(ReadOnlySpan<float> states, Span<int> tokens, Span<float> logits)
    {
        var rows = states.Length / HiddenSize;
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var x = _inputs.Slice(0, rows);
            _backend.Upload(states, x);
            for (var head = 0; head < Depth; head++)
            {
                var z = _output.Slice(head * rows, rows);
                var blocks = _weights.Heads[head].Blocks;
                if (blocks.Count == 0) throw new InvalidOperationException("heads: a head without a block has nothing to run.");
                for (var block = 0; block < blocks.Count; block++) Refine(blocks[block], block == 0 ? x : z, z);
            }
            if (_weights.Layout.Heads[0].Vocabulary is null) Choose(_weights.Heads[0].Vocabulary, 0, Depth * rows);
            else
            {
                for (var head = 0; head < Depth; head++) Choose(_weights.Heads[head].Vocabulary, head * rows, rows);
            }
            Read(Depth * rows, tokens, logits);
        }
    }

    /// <summary>Runs one head of Hydra over states with the tokens that were drafted after them.</summary>
    /// <param name="head">Head i reads i + 1 tokens.</param>
    /// <param name="states">[rows, hidden], at most <see cref="MostRows"/> rows.</param>
    /// <param name="paths">[rows, head + 1]: the tokens after each state, the root's first.</param>
    /// <param name="tokens">[rows, top]: the best tokens, the best first.</param>
    /// <param name="logits">Their logits.</param>
    /// <exception cref="ObjectDisposedException">The runner was disposed.</exception>
    public void Run(int head, ReadOnlySpan<float> states, ReadOnlySpan<int> paths, Span<int> tokens, Span<float> logits)
    {
        var (rows, weights) = (states.Length / HiddenSize, _weights.Heads[head]);
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var z = _output.Slice(0, rows);
            // Beside the embeddings a state's rows are not contiguous, so it comes by way of the output.
            _backend.Upload(states, z);
            _backend.CopyRows(z, _places.Slice(0, rows), _inputs.Slice(0, rows).Columns(0, HiddenSize));
            var ids = _ids.Slice(0, rows);
            for (var place = 0; place <= head; place++)
            {
                for (var row = 0; row < rows; row++) _column[row] = paths[row * (head + 1) + place];
                _backend.Upload<int>(_column.AsSpan(0, rows), ids);
                _backend.Embed(ids, _embedding, 1, _inputs.Slice(0, rows).Columns((place + 1) * HiddenSize, HiddenSize));
            }
            var u = _inputs.Slice(0, rows).Columns(0, (head + 2) * HiddenSize);
            var (residual, gate) = (weights.Residual!.Value, weights.Gate!.Value);
            _backend.MatMul(u, residual.Weight, residual.Bias, z);
            var added = _gate.Slice(0, rows);
            _backend.MatMul(u, gate.Weight, gate.Bias, added);
            _backend.Map(added, Activation.Silu, added);
            _backend.Add(z, added, 1, z);
            foreach (var block in weights.Blocks) Refine(block, z, z);
            Choose(weights.Vocabulary, 0, rows);
            Read(rows, tokens, logits);
        }
    }

    /// <summary>Waits for what runs, then frees everything.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (_disposed) return;
            _disposed = true;
            foreach (var buffer in _rented) buffer.Dispose();
            _pool.Dispose();
            _weights.Dispose();
        }
    }

    /// <summary>y = x + silu(W x + b).</summary>
    private void Refine(HeadMatrix block, Tensor x, Tensor y)
    {
        var added = _scratch.Slice(0, x.Rows);
        _backend.MatMul(x, block.Weight, block.Bias, added);
        _backend.Map(added, Activation.Silu, added);
        _backend.Add(x, added, 1, y);
    }

    private void Choose(HeadMatrix vocabulary, int first, int rows)
    {
        var logits = _logits.Slice(first, rows).Columns(0, vocabulary.Weight.Outputs);
        _backend.MatMulTopK(
            _output.Slice(first, rows), vocabulary.Weight, vocabulary.Bias, logits, _best.Slice(first, rows),
            _bestTokens.Slice(first, rows));
    }

    private void Read(int rows, Span<int> tokens, Span<float> logits)
    {
        var count = rows * Top;
        _backend.Download(_bestTokens.Slice(0, rows), tokens[..count]);
        _backend.Download(_best.Slice(0, rows), logits[..count]);
        if (_weights.Tokens is { } map)
        {
            for (var i = 0; i < count; i++) tokens[i] = map[tokens[i]];
        }
        if (_logitScale == 1) return;
        for (var i = 0; i < count; i++) logits[i] *= _logitScale;
    }

    private Tensor Rent(Shape shape, ElementType type)
    {
        var tensor = _pool.Rent(shape, type);
        _rented.Add(tensor.Buffer);
        return tensor;
    }
}
