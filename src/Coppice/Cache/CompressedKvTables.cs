using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>Where the blocks of a sequence are, as attention reads it: tables on the device, written when blocks come or change.</summary>
internal sealed class CompressedKvTables : IDisposable
{
    private const int EntryWords = 4, Part = 64, NoPage = -1;

    private readonly Backend _backend;
    private readonly Tensor _pages;     // [blocks of the capacity], I32: the exact page of a block
    private readonly Tensor _chunks;    // [blocks of the capacity, 4], I32: see CompressedKv
    private int _uploaded;

    /// <summary>Rents tables for <paramref name="capacity"/> tokens.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="pool">Memory, at least <see cref="SizeInBytes"/>.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public CompressedKvTables(Backend backend, MemoryPool pool, int capacity)
    {
        _backend = backend;
        var count = Math.Max(KvLayout.Pages(capacity), 1);
        _pages = pool.Rent(new Shape(count), ElementType.I32);
        try
        {
            _chunks = pool.Rent(new Shape(count, EntryWords), ElementType.I32);
        }
        catch
        {
            _pages.Buffer.Dispose();
            throw;
        }
    }

    /// <summary>Pool bytes held.</summary>
    public long Bytes => _pages.Buffer.Bytes + _chunks.Buffer.Bytes;

    /// <summary>Pool bytes of tables for <paramref name="capacity"/> tokens, whatever the pool's alignment.</summary>
    public static long SizeInBytes(int capacity)
    {
        var count = Math.Max(KvLayout.Pages(capacity), 1);
        return RoundUp(sizeof(int) * (long)count) + RoundUp(EntryWords * sizeof(int) * (long)count);

        static long RoundUp(long bytes) => (bytes + 255) / 256 * 256;
    }

    /// <summary>[blocks], I32: exact pages of the first <paramref name="count"/> blocks.</summary>
    public Tensor Pages(int count) => _pages.Slice(0, count);

    /// <summary>[blocks, 4], I32: chunks of the first <paramref name="count"/> blocks.</summary>
    public Tensor Chunks(int count) => _chunks.Slice(0, count);

    /// <summary>Blocks from <paramref name="first"/> on are others now.</summary>
    public void Change(int first) => _uploaded = Math.Min(_uploaded, first);

    /// <summary>Brings the tables up to date.</summary>
    /// <param name="pool">Where the blocks are.</param>
    /// <param name="blocks">All blocks of the sequence.</param>
    /// <param name="pinned">The first whose exact page is pinned, as are those after it; pages of others are not there.</param>
    public void Upload(CompressedKvPool pool, ReadOnlySpan<int> blocks, int pinned)
    {
        Span<int> pages = stackalloc int[Part];
        Span<int> chunks = stackalloc int[EntryWords * Part];
        while (_uploaded < blocks.Length)
        {
            var count = Math.Min(Part, blocks.Length - _uploaded);
            for (var i = 0; i < count; i++)
            {
                var (index, block) = (_uploaded + i, blocks[_uploaded + i]);
                pages[i] = index < pinned ? NoPage : pool.Page(block);
                var entry = chunks.Slice(EntryWords * i, EntryWords);
                entry[0] = pool.Chunks.Unit(block);
                entry[1] = index * KvLayout.PageSize;
                entry[2] = pool.IsFirst(block) ? 1 : 0;
                entry[3] = 0;
            }
            _backend.Upload<int>(pages[..count], _pages.Slice(_uploaded, count));
            _backend.Upload<int>(chunks[..(EntryWords * count)], _chunks.Slice(_uploaded, count));
            _uploaded += count;
        }
    }

    /// <summary>Returns the memory.</summary>
    public void Dispose()
    {
        _pages.Buffer.Dispose();
        _chunks.Buffer.Dispose();
    }
}
