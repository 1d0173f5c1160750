using System.Diagnostics;
using Coppice.Kernels;

namespace Coppice.Cache;

/// <summary>
/// Pages of 64 positions that many sequences share: in every layer the same page numbers, each with a count of its holders.
/// </summary>
/// <remarks>
/// Who takes a page holds it; forks and prefixes are further holders. A page without holders is free.
/// Where the first page of a sequence takes more memory than others, first pages are pages of their own: see <see cref="Take"/>.
/// Thread-safe. Whoever creates the pool disposes it; caches that use it may be disposed after it.
/// </remarks>
internal abstract class KvPool : IDisposable
{
    private readonly Stack<int> _free = [];
    private readonly Stack<int> _freeFirst = [];
    private readonly int[] _holders;        // by index; 0 where the page is free
    private readonly int _others;           // pages that need not be first
    private int _shared;
    private long _forgotten;
    private bool _disposed;

    /// <summary>A pool that gives nothing until <see cref="Add"/>.</summary>
    /// <param name="geometry">Sizes.</param>
    /// <param name="pages">Pages.</param>
    /// <param name="firstPages">Further pages, which are for the beginnings of sequences; 0 where all pages are alike.</param>
    protected KvPool(KvGeometry geometry, int pages, int firstPages = 0)
    {
        Geometry = geometry;
        Pages = pages + firstPages;
        _others = pages;
        _holders = new int[Pages];
    }

    /// <summary>Sizes.</summary>
    public KvGeometry Geometry { get; }
    /// <summary>Pages in all.</summary>
    public int Pages { get; }
    /// <summary>Pool bytes held.</summary>
    public abstract long RentedBytes { get; }
    /// <summary>Asked for pages before <see cref="Take"/> refuses; null for nobody.</summary>
    public IPageHolder? Holder { get; set; }

    /// <summary>Pages that nobody holds.</summary>
    public int FreePages
    {
        get { lock (Gate) return _free.Count + _freeFirst.Count; }
    }

    /// <summary>Pages with more than one holder.</summary>
    public int SharedPages
    {
        get { lock (Gate) return _shared; }
    }

    /// <summary>Caches with pages of this pool that nobody has disposed and the finalizer has found.</summary>
    public long ForgottenCaches => Interlocked.Read(ref _forgotten);

    /// <summary>Guards the counts.</summary>
    protected Lock Gate { get; } = new();

    /// <summary>Whether first pages are pages of their own.</summary>
    private bool HasFirstPages => Pages > _others;

    /// <summary>Whether a sequence of <paramref name="pages"/> pages fits where nobody else holds any.</summary>
    public bool Fits(int pages) => pages <= (HasFirstPages ? _others + 1 : _others);

    /// <summary>Whether <see cref="Take"/> would give a sequence <paramref name="pages"/> pages now.</summary>
    public virtual bool CanTake(int pages)
    {
        if (HasFreePages(pages, 0)) return true;
        var evictable = Holder?.EvictablePages ?? 0;        // asked first: it may free pages that nobody can use any more
        return HasFreePages(pages, evictable);
    }

    /// <summary>How many hold <paramref name="page"/>; 0 where it is free.</summary>
    public int Holders(int page)
    {
        lock (Gate) return _holders[Index(page)];
    }

    /// <summary>
    /// Fills <paramref name="pages"/> with pages that nobody else holds, or takes none and throws. Asks <see cref="Holder"/> where too few
    /// are free.
    /// </summary>
    /// <param name="pages">Receives the pages.</param>
    /// <param name="first">Index in <paramref name="pages"/> of the page that a sequence begins with; -1 for none.</param>
    /// <exception cref="DeviceMemoryException">Too few are free, and the holder cannot give enough up.</exception>
    /// <exception cref="ObjectDisposedException">The pool has been disposed.</exception>
    public virtual void Take(Span<int> pages, int first = -1)
    {
        while (true)
        {
            var missing = TryTake(pages, first, out var free);
            if (missing == 0) return;
            // Another thread may take what is given up here: then the holder is asked again until it has nothing more.
            if (Holder is { } holder && holder.GiveUp(missing) > 0) continue;
            throw new DeviceMemoryException(
                $"cache: {pages.Length} more pages of {KvLayout.PageSize} tokens must be free, {free} of {Pages} are "
                + "(end a session or raise the shared tokens).");
        }
    }

    /// <summary>Makes the caller a further holder of <paramref name="pages"/>, each of which has a holder.</summary>
    /// <exception cref="ObjectDisposedException">The pool has been disposed.</exception>
    public void AddReference(ReadOnlySpan<int> pages)
    {
        lock (Gate) AddReferenceLocked(pages);
    }

    /// <summary>
    /// Makes the caller a holder of the first of <paramref name="pages"/>, as many of them as a sequence can go on from, so that it can
    /// begin with them: see <see cref="KvCache.Adopt"/>.
    /// </summary>
    /// <returns>How many.</returns>
    /// <exception cref="ObjectDisposedException">The pool has been disposed.</exception>
    public virtual int Acquire(ReadOnlySpan<int> pages)
    {
        AddReference(pages);
        return pages.Length;
    }

    /// <summary>Gives back what <see cref="Acquire"/> gave and nobody adopts.</summary>
    public virtual void Abandon(ReadOnlySpan<int> pages) => Return(pages);

    /// <summary>
    /// Gives up one reference to each of <paramref name="pages"/>; a page without holders is free. Does nothing after the pool is disposed.
    /// </summary>
    public void Return(ReadOnlySpan<int> pages)
    {
        lock (Gate)
        {
            if (_disposed) return;
            for (var i = pages.Length - 1; i >= 0; i--)
            {
                var index = Index(pages[i]);
                ref var holders = ref _holders[index];
                Debug.Assert(holders > 0, "A page is returned once for each reference.");
                if (--holders == 1) _shared--;
                if (holders > 0) continue;
                Freed(pages[i]);
                FreeOf(index).Push(pages[i]);
            }
        }
    }

    /// <summary>Counts a cache that was forgotten, whose finalizer returns its pages.</summary>
    public void CountForgotten() => Interlocked.Increment(ref _forgotten);

    /// <summary>Returns the memory. A second call does nothing.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (_disposed) return;
            _disposed = true;
        }
        Free();
    }

    /// <summary>0 … <see cref="Pages"/> - 1 for each page; first pages come after the others.</summary>
    protected abstract int Index(int page);

    /// <summary>The last holder of <paramref name="page"/> has returned it; the lock is held.</summary>
    protected virtual void Freed(int page) { }

    /// <summary>Returns the memory.</summary>
    protected abstract void Free();

    /// <summary>Gives <paramref name="pages"/> to the pool, the first of them to be taken first.</summary>
    protected void Add(IEnumerable<int> pages)
    {
        foreach (var page in pages.Reverse()) FreeOf(Index(page)).Push(page);
    }

    /// <summary>Whether the pool was disposed; the lock is held.</summary>
    protected bool IsDisposed => _disposed;

    /// <inheritdoc cref="AddReference"/>
    /// <remarks>The lock is held.</remarks>
    protected void AddReferenceLocked(ReadOnlySpan<int> pages)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (var page in pages)
        {
            ref var holders = ref _holders[Index(page)];
            Debug.Assert(holders > 0, "Only a page that is held can be shared.");
            if (++holders == 2) _shared++;
        }
    }

    /// <summary>Whether a sequence of <paramref name="pages"/> pages would find them, with <paramref name="evictable"/> that can be given
    /// up.</summary>
    private bool HasFreePages(int pages, int evictable)
    {
        lock (Gate)
        {
            if (!HasFirstPages) return _free.Count + evictable >= pages;
            // Which of the pages that can be given up are first ones is not known here: it is enough that there are some.
            return _freeFirst.Count + evictable > 0 && _free.Count + evictable >= pages - 1;
        }
    }

    /// <summary>Takes all of the pages, or none.</summary>
    /// <returns>0, or how many are missing.</returns>
    private int TryTake(Span<int> pages, int first, out int free)
    {
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!HasFirstPages) first = -1;
            free = _free.Count + _freeFirst.Count;
            var missing = Math.Max(pages.Length - (first < 0 ? 0 : 1) - _free.Count, 0);
            if (first >= 0 && _freeFirst.Count == 0) missing++;
            if (missing > 0) return missing;
            for (var i = 0; i < pages.Length; i++)
            {
                pages[i] = (i == first ? _freeFirst : _free).Pop();
                _holders[Index(pages[i])] = 1;
            }
            return 0;
        }
    }

    private Stack<int> FreeOf(int index) => index < _others ? _free : _freeFirst;
}
