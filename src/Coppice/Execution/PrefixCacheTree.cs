namespace Coppice.Execution;

/// <summary>The page of one block of tokens after those above it.</summary>
internal sealed class PrefixBlock(PrefixTree tree, PrefixBlock? above, int hash, int[] tokens, int page)
{
    /// <summary>Where it belongs.</summary>
    public PrefixTree Tree { get; } = tree;
    /// <summary>The block of the tokens before; null for a root, which has no tokens and no page.</summary>
    public PrefixBlock? Above { get; } = above;
    /// <summary>Hash of these tokens and all before.</summary>
    public int Hash { get; } = hash;
    /// <summary>The tokens of this block.</summary>
    public ReadOnlySpan<int> Tokens => tokens;
    /// <summary>Holds their keys and values.</summary>
    public int Page { get; } = page;
    /// <summary>Whether this is where a tree begins.</summary>
    public bool IsRoot => Above is null;
    /// <summary>Blocks directly below.</summary>
    public int Children { get; set; }
    /// <summary>Another block with the same hash.</summary>
    public PrefixBlock? Twin { get; set; }
    /// <summary>The block used next before this one in time.</summary>
    public PrefixBlock? Older { get; set; }
    /// <summary>The block used next after this one in time.</summary>
    public PrefixBlock? Newer { get; set; }
    /// <summary>A mark of the walk that counts what can go: this block cannot.</summary>
    public bool IsBlocked { get; set; }
}

/// <summary>The blocks of one scope, found by the block above and their tokens.</summary>
internal sealed class PrefixTree
{
    private readonly WeakReference _scope;
    private readonly Dictionary<int, PrefixBlock> _blocks = [];     // by hash; blocks with the same hash are chained
    private readonly PrefixBlock _root;
    private readonly PrefixBlock _rootBeyond;

    /// <summary>Creates an empty tree that does not keep <paramref name="scope"/> alive.</summary>
    public PrefixTree(object scope)
    {
        _scope = new WeakReference(scope);
        _root = new PrefixBlock(this, null, 0, [], -1);
        _rootBeyond = new PrefixBlock(this, null, 1, [], -1);
    }

    /// <summary>Whether anyone else still knows the scope.</summary>
    public bool IsScopeAlive => _scope.IsAlive;

    /// <summary>Where texts begin whose keys are turned with the short or the long factors.</summary>
    public PrefixBlock Root(bool beyond) => beyond ? _rootBeyond : _root;

    /// <summary>The block of <paramref name="tokens"/> directly below <paramref name="above"/>, or null.</summary>
    public PrefixBlock? Find(PrefixBlock above, int hash, ReadOnlySpan<int> tokens)
    {
        var block = _blocks.GetValueOrDefault(hash);
        while (block is not null && !(block.Above == above && block.Tokens.SequenceEqual(tokens))) block = block.Twin;
        return block;
    }

    /// <summary>Adds a block that <see cref="Find"/> does not find.</summary>
    public PrefixBlock Add(PrefixBlock above, int hash, ReadOnlySpan<int> tokens, int page)
    {
        var block = new PrefixBlock(this, above, hash, tokens.ToArray(), page) { Twin = _blocks.GetValueOrDefault(hash) };
        _blocks[hash] = block;
        above.Children++;
        return block;
    }

    /// <summary>Removes a block that has nothing below it.</summary>
    public void Remove(PrefixBlock block)
    {
        block.Above!.Children--;
        var twin = _blocks[block.Hash];
        if (twin != block)
        {
            while (twin.Twin != block) twin = twin.Twin!;
            twin.Twin = block.Twin;
        }
        else if (block.Twin is null) _blocks.Remove(block.Hash);
        else _blocks[block.Hash] = block.Twin;
    }

    /// <summary>All blocks, in any order.</summary>
    public IEnumerable<PrefixBlock> Blocks()
    {
        foreach (var first in _blocks.Values)
        {
            for (var block = first; block is not null; block = block.Twin) yield return block;
        }
    }
}

/// <summary>All blocks of all trees by their last use.</summary>
/// <remarks>A block is always newer than those below it, because whoever touches a block touches all above it after it. So the oldest block
/// has none below.</remarks>
internal sealed class PrefixList
{
    private PrefixBlock? _first;

    /// <summary>The block used longest ago.</summary>
    public PrefixBlock? Last { get; private set; }
    /// <summary>Blocks.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Adds a block that was used just now. <see cref="Touch"/> it before anything is evicted: blocks above it must be newer.
    /// </summary>
    public void AddFirst(PrefixBlock block)
    {
        block.Older = _first;
        block.Newer = null;
        if (_first is null) Last = block;
        else _first.Newer = block;
        _first = block;
        Count++;
    }

    /// <summary><paramref name="block"/> and all above it were used just now.</summary>
    public void Touch(PrefixBlock block)
    {
        for (var used = block; !used.IsRoot; used = used.Above!)
        {
            Remove(used);
            AddFirst(used);
        }
    }

    /// <summary>Takes a block out; it keeps its neighbours' names, so that a walk over the list can go on from it.</summary>
    public void Remove(PrefixBlock block)
    {
        if (block.Newer is { } newer) newer.Older = block.Older;
        else _first = block.Older;
        if (block.Older is { } older) older.Newer = block.Newer;
        else Last = block.Newer;
        Count--;
    }
}
