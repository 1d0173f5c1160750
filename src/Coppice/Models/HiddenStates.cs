using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Models;

/// <summary>Copies of the residual stream after chosen layers, of the rows of a pass for which they are asked.</summary>
/// <remarks>
/// A layer that is asked for the first time takes memory for the rows of the largest pass, [rows, hidden] F32, and keeps it; other layers
/// take none. In a pass an asked row of a layer costs one copy of a row on the device; a pass in which none is asked for costs one
/// comparison a layer. What comes after the last layer stays in the workspace and is not copied. Used under the runner's gate.
/// </remarks>
/// <param name="backend">The device.</param>
/// <param name="spec">The model.</param>
/// <param name="rows">Rows of the largest pass.</param>
internal sealed class HiddenStates(Backend backend, ModelSpec spec, int rows) : IDisposable
{
    private readonly LayerCopy?[] _copies = new LayerCopy?[spec.Layers.Count];      // of layer l at l + 1
    private MemoryPool? _indexPool;
    private Tensor _indices;        // 0 … rows - 1
    private bool _isAsked;

    /// <summary>Bytes in use.</summary>
    public long BytesInUse
    {
        get
        {
            var bytes = _indexPool?.Statistics.BytesInUse ?? 0;
            foreach (var copy in _copies) bytes += copy?.Pool.Statistics.BytesInUse ?? 0;
            return bytes;
        }
    }

    /// <summary>Whether the states after <paramref name="layer"/> are in the workspace after every pass.</summary>
    public bool IsInWorkspace(int layer) => layer == HiddenLayer.Final || layer == spec.Layers.Count - 1;

    /// <summary>Takes the memory for the states after <paramref name="layer"/>, where it is not there yet.</summary>
    /// <exception cref="ArgumentException">The model does not have the layer.</exception>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public void Reserve(int layer)
    {
        if (IsInWorkspace(layer)) return;
        if (layer < HiddenLayer.Embedding || layer >= spec.Layers.Count)
        {
            throw new ArgumentException(
                $"pass: hidden states must be after a layer from 0 to {spec.Layers.Count - 1}, or HiddenLayer.Embedding or .Final, "
                + $"got {layer}.",
                nameof(layer));
        }
        if (_copies[layer + 1] is not null) return;
        if (_indexPool is null)
        {
            var (indexPool, indices) = Rent(new Shape(rows), ElementType.I32);
            try
            {
                int[] all = [.. Enumerable.Range(0, rows)];
                backend.Upload<int>(all, indices);
            }
            catch
            {
                indices.Buffer.Dispose();
                indexPool.Dispose();
                throw;
            }
            (_indexPool, _indices) = (indexPool, indices);
        }
        var (pool, states) = Rent(new Shape(rows, spec.HiddenSize), ElementType.F32);
        _copies[layer + 1] = new LayerCopy(pool, states, []);
    }

    /// <summary>Another pass begins: nothing is asked for.</summary>
    public void Clear()
    {
        if (!_isAsked) return;
        foreach (var copy in _copies) copy?.Asked.Clear();
        _isAsked = false;
    }

    /// <summary>
    /// Asks for the states after <paramref name="layer"/>, which was reserved, of rows of the next pass that come after those asked before.
    /// </summary>
    public void Ask(int layer, int first, int count)
    {
        if (IsInWorkspace(layer)) return;
        var asked = _copies[layer + 1]!.Asked;
        // Rows of neighbours are copied in one call.
        if (asked.Count > 0 && asked[^1] is var last && last.First + last.Count == first) asked[^1] = (last.First, last.Count + count);
        else asked.Add((first, count));
        _isAsked = true;
    }

    /// <summary>Copies the rows of <paramref name="x"/>, the stream after <paramref name="layer"/>, that were asked for.</summary>
    public void Keep(int layer, Tensor x)
    {
        if (!_isAsked || _copies[layer + 1] is not { } copy) return;
        foreach (var (first, count) in copy.Asked) backend.CopyRows(x, _indices.Slice(first, count), copy.States.Slice(first, count));
    }

    /// <summary>
    /// The states after <paramref name="layer"/> by rows of the pass, [rows of the largest pass, hidden]; undefined in rows that
    /// were not asked for.
    /// </summary>
    public Tensor After(int layer) => _copies[layer + 1]!.States;

    /// <summary>Returns and frees the memory.</summary>
    public void Dispose()
    {
        _indices.Buffer?.Dispose();
        _indexPool?.Dispose();
        foreach (var copy in _copies)
        {
            copy?.States.Buffer.Dispose();
            copy?.Pool.Dispose();
        }
    }

    /// <summary>A pool of its own for each tensor: which layers will be asked for is not known before.</summary>
    private (MemoryPool Pool, Tensor Tensor) Rent(Shape shape, ElementType type)
    {
        var pool = backend.CreatePool("hidden states", shape.Count * type.Size(), sparse: true);
        try
        {
            return (pool, pool.Rent(shape, type));
        }
        catch
        {
            pool.Dispose();
            throw;
        }
    }

    /// <summary>Memory of one layer, and which rows of the pass go into it: stretches, ascending.</summary>
    private sealed record LayerCopy(MemoryPool Pool, Tensor States, List<(int First, int Count)> Asked);
}
