namespace Coppice.Cache;

/// <summary>What a pool of compressed blocks holds.</summary>
/// <param name="Blocks">Blocks other than the first of a sequence.</param>
/// <param name="FirstBlocks">First blocks: sequences, and beginnings that are kept, that differ in their first 64 tokens.</param>
/// <param name="ExactPages">Pages of keys and values as they are.</param>
internal readonly record struct CompressedKvSize(int Blocks, int FirstBlocks, int ExactPages)
{
    /// <summary>Blocks of a shared pool for each exact page, where nobody says how many.</summary>
    public const int BlocksPerExactPage = 4;

    /// <summary>First blocks of a shared pool, at least.</summary>
    private const int LeastFirstBlocks = 64;

    /// <summary>A pool that sequences share.</summary>
    /// <param name="format">How blocks are compressed.</param>
    /// <param name="tokens">Tokens of all sequences together.</param>
    /// <param name="exactTokens">Tokens that can be exact at once; -1 for a quarter of all.</param>
    public static CompressedKvSize Shared(KvChunkFormat format, long tokens, long exactTokens)
    {
        var blocks = Kernels.KvLayout.Pages(checked((int)tokens));
        var exact = exactTokens < 0
            ? (blocks + BlocksPerExactPage - 1) / BlocksPerExactPage
            : Kernels.KvLayout.Pages(checked((int)exactTokens));
        var first = Math.Clamp(blocks / 8, Math.Min(blocks, LeastFirstBlocks), blocks);
        // One sequence alone must get through any pass, and none has more exact pages than blocks.
        return new CompressedKvSize(blocks, first, Math.Max(exact, Math.Min(format.PassPages, blocks + 2)));
    }

    /// <summary>Memory of one sequence of at most <paramref name="capacity"/> tokens.</summary>
    public static CompressedKvSize Own(KvChunkFormat format, int capacity)
    {
        var blocks = Kernels.KvLayout.Pages(capacity);
        return new CompressedKvSize(Math.Max(blocks - 1, 1), 1, Math.Min(format.PassPages, blocks));
    }
}
