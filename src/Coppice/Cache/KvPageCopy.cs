using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>Copies a page of all layers, keys and values, in one operation on the device, bit by bit.</summary>
internal sealed class KvPageCopy : IDisposable
{
    private readonly Tensor _rows;      // [2 · layers], I32: 0, 1, 2 …
    private bool _filled;

    /// <summary>Rents what copies need.</summary>
    /// <param name="pool">Memory, at least <see cref="SizeInBytes"/>.</param>
    /// <param name="geometry">Sizes of the pages.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public KvPageCopy(MemoryPool pool, KvGeometry geometry) => _rows = pool.Rent(new Shape(2 * geometry.Layers), ElementType.I32);

    /// <summary>Pool bytes held.</summary>
    public long Bytes => _rows.Buffer.Bytes;

    /// <summary>Pool bytes that copies need, whatever the pool's alignment.</summary>
    public static long SizeInBytes(KvGeometry geometry) => (2L * geometry.Layers * sizeof(int) + 255) / 256 * 256;

    /// <summary>
    /// Copies the page at row <paramref name="from"/> of <paramref name="source"/> to row <paramref name="to"/> of
    /// <paramref name="destination"/>.
    /// </summary>
    public void Run(KvMemory source, int from, KvMemory destination, int to)
    {
        var backend = _rows.Buffer.Pool.Owner;
        if (!_filled)
        {
            backend.Upload<int>([.. Enumerable.Range(0, _rows.Rows)], _rows);
            _filled = true;
        }
        backend.CopyRows(source.Words(from), _rows, destination.Words(to));
    }

    /// <summary>Returns the memory.</summary>
    public void Dispose() => _rows.Buffer.Dispose();
}
