using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>Pages of 64 positions that many sequences share: in every layer the same page numbers.</summary>
/// <remarks>Taking and returning pages is thread-safe; whoever creates the pool disposes it, after the caches that use it.</remarks>
internal sealed class KvPagePool : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Stack<int> _free;
    private readonly (Tensor Keys, Tensor Values)[] _layers;

    /// <summary>Rents <paramref name="pages"/> pages for every layer.</summary>
    /// <param name="pool">Memory, at least geometry.Bytes(pages).</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="pages">Pages.</param>
    /// <param name="order">The order in which pages are given out, a permutation of 0 … pages - 1; ascending where null.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public KvPagePool(MemoryPool pool, KvGeometry geometry, int pages, IReadOnlyList<int>? order = null)
    {
        (Geometry, Pages) = (geometry, pages);
        _free = new Stack<int>((order ?? [.. Enumerable.Range(0, pages)]).Reverse());
        _layers = new (Tensor, Tensor)[geometry.Layers];
        try
        {
            for (var i = 0; i < _layers.Length; i++)
            {
                _layers[i].Keys = pool.Rent(KvLayout.Keys(pages, geometry.KvHeads, geometry.HeadDim), geometry.Type);
                _layers[i].Values = pool.Rent(KvLayout.Values(pages, geometry.KvHeads, geometry.HeadDim), geometry.Type);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Sizes.</summary>
    public KvGeometry Geometry { get; }
    /// <summary>Pages in all.</summary>
    public int Pages { get; }
    /// <summary>Pages that no sequence holds.</summary>
    public int FreePages
    {
        get { lock (_gate) return _free.Count; }
    }

    /// <summary>One layer's pages, seen through a sequence's table.</summary>
    public PagedKv View(int layer, Tensor pageTable) => new(_layers[layer].Keys, _layers[layer].Values, pageTable);

    /// <summary>Fills <paramref name="pages"/> with pages, or takes none and throws.</summary>
    /// <exception cref="DeviceMemoryException">Fewer are free.</exception>
    public void Take(Span<int> pages)
    {
        lock (_gate)
        {
            if (_free.Count < pages.Length)
                throw new DeviceMemoryException(
                    $"cache: {pages.Length} more pages of {KvLayout.PageSize} tokens must be free, {_free.Count} of {Pages} are (end a session or raise the shared tokens).");
            for (var i = 0; i < pages.Length; i++) pages[i] = _free.Pop();
        }
    }

    /// <summary>Returns pages that <see cref="Take"/> gave.</summary>
    public void Return(ReadOnlySpan<int> pages)
    {
        lock (_gate)
        {
            for (var i = pages.Length - 1; i >= 0; i--) _free.Push(pages[i]);
        }
    }

    /// <summary>Returns the memory.</summary>
    public void Dispose()
    {
        foreach (var (keys, values) in _layers)
        {
            keys.Buffer?.Dispose();
            values.Buffer?.Dispose();
        }
    }
}
