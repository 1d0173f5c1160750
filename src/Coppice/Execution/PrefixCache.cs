using System.Runtime.CompilerServices;
using Coppice.Cache;
using Coppice.Kernels;

namespace Coppice.Execution;

/// <summary>Keeps pages of committed tokens, so that a sequence that begins with the same tokens need not compute them again.</summary>
/// <remarks>
/// A tree over blocks of a page's 64 tokens, one for each scope and way of turning keys. A lookup goes from block to block through a hash
/// table and compares the tokens, so equal hashes cost time only. Keys and values depend on the tokens alone, bit by bit (contract C1), so
/// nothing tells a page found here from one computed anew. The cache holds one reference to each of its pages. Blocks form one list by
/// their last use, a block always before those below it; what goes first is the last of the list that no sequence holds and that has
/// nothing below it.
/// Scopes are known by reference and held weakly: blocks of a scope that nobody knows any more go at the next garbage collection that is
/// noticed.
/// Thread-safe. Time: O(tokens) for a lookup, of which nothing is allocated.
/// </remarks>
internal sealed class PrefixCache : IPageHolder, IDisposable
{
    private const int BlockTokens = KvLayout.PageSize;

    private readonly Lock _gate = new();
    private readonly KvPool _pool;
    private readonly int _limit;
    private readonly Func<int, ReadOnlySpan<int>, int> _hash;
    private readonly ConditionalWeakTable<object, PrefixTree> _trees = [];
    private readonly List<PrefixTree> _alive = [];      // the same trees; each knows its scope weakly
    private readonly PrefixList _list = new();
    private long _lookups, _hitTokens, _evictions, _additions;
    private int _collections;       // garbage collections when dead scopes were last looked for
    private bool _disposed;

    /// <summary>Creates an empty cache and makes it the one that <paramref name="pool"/> asks for pages.</summary>
    /// <param name="pool">Where the pages are from.</param>
    /// <param name="maxPages">Pages held at most, at least 0.</param>
    /// <param name="hash">Another hash of (hash of the block above, tokens of a block), so that tests can make hashes collide; null for the
    /// usual one.</param>
    public PrefixCache(KvPool pool, int maxPages, Func<int, ReadOnlySpan<int>, int>? hash = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxPages);
        _pool = pool;
        _limit = maxPages;
        _hash = hash ?? Hash;
        _collections = GC.CollectionCount(0);
        pool.Holder = this;
    }

    /// <summary>Calls of <see cref="Match"/> so far.</summary>
    public long Lookups => Interlocked.Read(ref _lookups);
    /// <summary>Tokens found so far.</summary>
    public long HitTokens => Interlocked.Read(ref _hitTokens);
    /// <summary>
    /// Pages given up so far, for others or to stay within the limit; those of cleared and forgotten scopes do not count.
    /// </summary>
    public long Evictions => Interlocked.Read(ref _evictions);

    /// <summary>Whether it keeps anything.</summary>
    public bool Keeps => _limit > 0;
    /// <summary>Pages taken in so far: where it is the same as before, a second look finds no more.</summary>
    public long Additions => Interlocked.Read(ref _additions);

    /// <summary>Pages held.</summary>
    public int PagesHeld
    {
        get
        {
            lock (_gate)
            {
                DropForgottenScopes();
                return _list.Count;
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>Those that no sequence holds, nor one below them. Time: O(pages held).</remarks>
    public int EvictablePages
    {
        get
        {
            lock (_gate)
            {
                DropForgottenScopes();
                return MarkEvictable(int.MaxValue);
            }
        }
    }

    /// <summary>
    /// Finds the longest sequence of whole blocks that <paramref name="tokens"/> begin with, at most tokens.Length - 1 tokens.
    /// </summary>
    /// <param name="scope">Whose pages may be used.</param>
    /// <param name="beyond">Whether keys are turned with the long factors of a longrope model.</param>
    /// <param name="tokens">A prompt.</param>
    /// <param name="pages">Receives the pages, each with a reference that belongs to the caller: see <see cref="KvCache.Adopt"/>. Bounds
    /// their number.</param>
    /// <returns>
    /// Number of pages; they hold 64 tokens each. A compressed cache gets those after which the last is still there as it was.
    /// </returns>
    /// <exception cref="ObjectDisposedException">The pool has been disposed.</exception>
    public int Match(object scope, bool beyond, ReadOnlySpan<int> tokens, Span<int> pages)
    {
        lock (_gate)
        {
            _lookups++;
            if (!_trees.TryGetValue(scope, out var tree)) return 0;
            var most = Math.Min((tokens.Length - 1) / BlockTokens, pages.Length);
            var last = tree.Root(beyond);
            var found = 0;
            while (found < most && Next(tree, last, tokens.Slice(found * BlockTokens, BlockTokens)) is { } next)
            {
                pages[found++] = next.Page;
                last = next;
            }
            if (found == 0) return 0;
            _list.Touch(last);
            found = _pool.Acquire(pages[..found]);
            _hitTokens += found * BlockTokens;
            return found;
        }
    }

    /// <summary>Gives back pages that <see cref="Match"/> found and nobody adopts.</summary>
    public void Release(ReadOnlySpan<int> pages) => _pool.Abandon(pages);

    /// <summary>Keeps the pages of whole blocks of committed tokens; a block that is known keeps its page.</summary>
    /// <remarks>Adds a reference to each page that it keeps. Where the limit is reached, older blocks go; where none can go, the rest is
    /// not kept.</remarks>
    /// <param name="scope">Who may use the pages.</param>
    /// <param name="beyond">As in <see cref="Match"/>.</param>
    /// <param name="tokens">Committed tokens from the first position on.</param>
    /// <param name="pages">Their whole pages, held by the caller: <see cref="KvCache.WholePages"/>.</param>
    public void Insert(object scope, bool beyond, ReadOnlySpan<int> tokens, ReadOnlySpan<int> pages)
    {
        var blocks = Math.Min(tokens.Length / BlockTokens, pages.Length);
        if (blocks == 0 || _limit == 0) return;
        lock (_gate)
        {
            if (_disposed) return;
            DropForgottenScopes();
            var tree = Tree(scope);
            var last = tree.Root(beyond);
            for (var block = 0; block < blocks; block++)
            {
                var part = tokens.Slice(block * BlockTokens, BlockTokens);
                if (Next(tree, last, part) is { } known)
                {
                    last = known;
                    continue;
                }
                if (_list.Count >= _limit && !MakeRoom(last)) break;
                _pool.AddReference(pages.Slice(block, 1));
                last = tree.Add(last, _hash(last.Hash, part), part, pages[block]);
                _list.AddFirst(last);
                _additions++;
            }
            _list.Touch(last);
        }
    }

    /// <inheritdoc/>
    public int GiveUp(int pages)
    {
        lock (_gate)
        {
            if (pages <= 0) return 0;
            // Pages of scopes that nobody knows are free from here on, be they enough or not.
            var dropped = DropForgottenScopes();
            pages -= dropped;
            if (pages <= 0 || MarkEvictable(pages) < pages) return dropped;
            var evicted = 0;
            for (var block = _list.Last; block is not null && evicted < pages; block = block.Newer)
            {
                if (block.IsBlocked) continue;
                Remove(block);
                evicted++;
            }
            _evictions += evicted;
            return dropped + evicted;
        }
    }

    /// <summary>Gives up all pages of <paramref name="scope"/>; sequences that hold some keep them.</summary>
    public void Clear(object scope)
    {
        lock (_gate)
        {
            if (!_trees.TryGetValue(scope, out var tree)) return;
            _trees.Remove(scope);
            _alive.Remove(tree);
            Drop(tree);
        }
    }

    /// <summary>Gives up all pages. A second call does nothing.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            foreach (var tree in _alive) Drop(tree);
            _alive.Clear();
            _trees.Clear();
            if (ReferenceEquals(_pool.Holder, this)) _pool.Holder = null;
        }
    }

    /// <summary>The runtime's hash is seeded anew in each process, so nobody can choose tokens whose hashes collide.</summary>
    private static int Hash(int above, ReadOnlySpan<int> tokens)
    {
        var hash = new HashCode();
        hash.Add(above);
        hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(tokens));
        return hash.ToHashCode();
    }

    private PrefixBlock? Next(PrefixTree tree, PrefixBlock above, ReadOnlySpan<int> tokens) =>
        tree.Find(above, _hash(above.Hash, tokens), tokens);

    private PrefixTree Tree(object scope)
    {
        if (_trees.TryGetValue(scope, out var tree)) return tree;
        tree = new PrefixTree(scope);
        _trees.Add(scope, tree);
        _alive.Add(tree);
        return tree;
    }

    /// <summary>Removes the block used longest ago that may go, other than <paramref name="kept"/>.</summary>
    private bool MakeRoom(PrefixBlock kept)
    {
        for (var block = _list.Last; block is not null; block = block.Newer)
        {
            if (block.Children > 0 || block == kept || _pool.Holders(block.Page) > 1) continue;
            Remove(block);
            _evictions++;
            return true;
        }
        return false;
    }

    /// <summary>
    /// Marks blocks that cannot go, from the one used longest ago on, until <paramref name="enough"/> can; those before in the list are not
    /// looked at.
    /// </summary>
    /// <returns>How many of the marked part can go.</returns>
    private int MarkEvictable(int enough)
    {
        var evictable = 0;
        for (var block = _list.Last; block is not null; block = block.Newer) block.IsBlocked = false;
        for (var block = _list.Last; block is not null && evictable < enough; block = block.Newer)
        {
            // Blocks below this one come earlier on this way, so what they say of it is known.
            block.IsBlocked |= _pool.Holders(block.Page) > 1;
            if (block.IsBlocked) block.Above!.IsBlocked = true;
            else evictable++;
        }
        return evictable;
    }

    private void Remove(PrefixBlock block)
    {
        block.Tree.Remove(block);
        _list.Remove(block);
        _pool.Return([block.Page]);
    }

    private void Drop(PrefixTree tree)
    {
        foreach (var block in tree.Blocks())
        {
            _list.Remove(block);
            _pool.Return([block.Page]);
        }
    }

    /// <summary>Gives up the pages of scopes that nobody knows any more.</summary>
    /// <returns>How many of them nobody holds now.</returns>
    private int DropForgottenScopes()
    {
        var collections = GC.CollectionCount(0);
        if (collections == _collections) return 0;
        _collections = collections;
        var freed = 0;
        for (var i = _alive.Count - 1; i >= 0; i--)
        {
            if (_alive[i].IsScopeAlive) continue;
            foreach (var block in _alive[i].Blocks()) freed += _pool.Holders(block.Page) == 1 ? 1 : 0;
            Drop(_alive[i]);
            _alive.RemoveAt(i);
        }
        return freed;
    }
}
