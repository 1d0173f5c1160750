using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>
/// The streaming buffer of GEAR's paper: what is compressed when, and that a chunk is what the codec makes of its tokens.
/// </summary>
public sealed class HistoryKvCacheTests
{
    private const int Capacity = 1200;

    private static readonly KvCompression Kcvt = KvCacheOptions.Named("gear4-paper").Compression!;
    private static readonly KvCompression Kivi = KvCacheOptions.Named("gear2-paper").Compression!;

    public static TheoryData<bool, int> Prompts
    {
        get
        {
            var data = new TheoryData<bool, int>();
            foreach (var prompt in (int[])[1, 19, 20, 21, 63, 64, 65, 900, 1000])
            {
                data.Add(true, prompt);
                data.Add(false, prompt);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Prompts))]
    public void A_prompt_is_compressed_when_it_ends_and_the_buffer_when_it_is_full(bool kcvt, int prompt)
    {
        var (compression, buffer) = kcvt ? (Kcvt, 20) : (Kivi, 64);
        using var bench = NewBench(compression);
        using var text = bench.NewOwn();
        var cache = (HistoryKvCache)text.Cache;
        cache.BeginPrompt(prompt);
        while (cache.Length < prompt)
        {
            Assert.Equal((prompt - cache.Length, 0), (cache.Room, cache.Compressed));
            Append(text, Math.Min(100, prompt - cache.Length));
        }
        // Whole with KCVT, whole groups of 64 with KIVI; the rest waits in the buffer.
        var expected = new List<int>();
        var compressed = kcvt ? prompt : prompt / 64 * 64;
        if (compressed > 0) expected.Add(compressed);
        Assert.Equal(expected, cache.ChunkTokens);
        var old = new List<byte[]>();
        for (var step = 0; step < 150; step++)
        {
            Append(text, 1);
            if (cache.Length - compressed == buffer)
            {
                expected.Add(buffer);
                compressed += buffer;
            }
            Assert.Equal(expected, cache.ChunkTokens);
            Assert.Equal((compressed, compressed + buffer - cache.Length), (cache.Compressed, cache.Room));
            while (old.Count < expected.Count) old.Add(cache.ReadChunk(1, old.Count));
        }
        for (var chunk = 0; chunk < old.Count; chunk++) Assert.Equal(old[chunk], cache.ReadChunk(1, chunk));
    }

    [Theory, InlineData(true, 90), InlineData(false, 150), InlineData(false, 64)]
    public void A_chunk_is_what_the_codec_makes_of_its_tokens(bool kcvt, int prompt)
    {
        var compression = kcvt ? Kcvt : Kivi;
        using var bench = NewBench(compression);
        using var text = bench.NewOwn();
        var cache = (HistoryKvCache)text.Cache;
        var width = bench.Geometry.KvHeads * bench.Geometry.HeadDim;
        var (keys, values) = (new List<float>(), new List<float>());
        cache.BeginPrompt(prompt);
        while (cache.Length < prompt + 70)
        {
            var rows = Append(text, cache.Length < prompt ? Math.Min(40, prompt - cache.Length) : 1);
            Add(keys, bench.K, rows);
            Add(values, bench.V, rows);
        }
        var (first, number) = (0, 0);
        var lastLayer = bench.Geometry.Layers - 1;
        foreach (var tokens in cache.ChunkTokens)
        {
            var rank = number == 0 ? 4 : 2;
            var layout = compression.Codec.Layout(bench.Geometry.KvHeads, bench.Geometry.HeadDim, tokens, rank);
            var expected = Compress(bench, layout, keys, values, first * width, lastLayer, number);
            Assert.Equal(expected, cache.ReadChunk(lastLayer, number));
            first += tokens;
            number++;
        }
        Assert.True(number >= 2, "a prompt's chunk and one after it");
        Assert.Equal(cache.Compressed, first);

        void Add(List<float> all, Tensor tensor, int rows)
        {
            var part = new float[rows * width];
            bench.Backend.Download(tensor.Slice(0, rows), part.AsSpan());
            all.AddRange(part.Select(x => (float)(Half)x));
        }
    }

    [Fact]
    public void A_prompt_is_seen_as_a_plain_cache_sees_it()
    {
        using var bench = NewBench(Kivi);
        using var text = bench.NewOwn();
        text.Cache.BeginPrompt(300);
        using var whole = bench.NewOwn();
        whole.Cache.BeginPrompt(int.MaxValue);
        for (var first = 0; first < 300; first += 60)
        {
            var (y, expected) = (text.Pass(Tokens(first, 60)), whole.Pass(Tokens(first, 60)));
            for (var row = 0; row < 60; row++) Assert.Equal(expected[row], y[row]);
            text.Keep(60, Tokens(first, 60));
            whole.Keep(60, Tokens(first, 60));
        }
        Assert.Equal((256, 0), (((HistoryKvCache)text.Cache).Compressed, ((HistoryKvCache)whole.Cache).Compressed));
        var (after, exact) = (text.Pass(Tokens(300, 1))[0], whole.Pass(Tokens(300, 1))[0]);
        Assert.NotEqual(exact, after);
    }

    [Fact]
    public void A_later_prompt_is_compressed_in_whole_buffers()
    {
        using var bench = NewBench(Kcvt);
        using var text = bench.NewOwn();
        var cache = (HistoryKvCache)text.Cache;
        cache.BeginPrompt(33);
        Append(text, 33);
        Append(text, 15);
        cache.BeginPrompt(48 + 30);
        Append(text, 30);
        Assert.Equal([33, 40], cache.ChunkTokens);
        Assert.Equal(15, cache.Room);
    }

    [Fact]
    public void A_cut_keeps_chunks_that_end_before_it_and_a_fork_is_a_copy()
    {
        using var bench = NewBench(Kcvt);
        using var text = bench.NewOwn();
        var cache = (HistoryKvCache)text.Cache;
        cache.BeginPrompt(50);
        Append(text, 50);
        for (var i = 0; i < 45; i++) Append(text, 1);
        Assert.Equal([50, 20, 20], cache.ChunkTokens);
        using (var fork = text.Fork())
        {
            Assert.Equal(cache.BytesInUse, fork.Cache.BytesInUse);
            Assert.Equal(text.Pass(Tokens(95, 1))[0], fork.Pass(Tokens(95, 1))[0]);
            fork.Truncate(93);      // within the buffer
            Assert.Equal(93, fork.Cache.Length);
            fork.Truncate(80);      // the end of a chunk is kept
            Assert.Equal((70, 70), (fork.Cache.Length, ((HistoryKvCache)fork.Cache).Compressed));
            for (var i = 0; i < 20; i++) Append(fork, 1);
            Assert.Equal([50, 20, 20], ((HistoryKvCache)fork.Cache).ChunkTokens);
            Assert.Equal(cache.ReadChunk(2, 2), ((HistoryKvCache)fork.Cache).ReadChunk(2, 2));
            fork.Truncate(30);
            Assert.Equal(0, fork.Cache.Length);
        }
        Assert.Equal([50, 20, 20], cache.ChunkTokens);
    }

    /// <summary>Chunks and pages of whatever history fit what the cache rents.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public void Any_history_fits(bool kcvt)
    {
        var compression = kcvt ? Kcvt : Kivi with { SinkTokens = 4 };
        var (random, buffer) = (new Random(3), compression.BufferTokens);
        using var bench = NewBench(compression);
        for (var seed = 0; seed < 6; seed++)
        {
            using var text = bench.NewOwn();
            var cache = (HistoryKvCache)text.Cache;
            while (cache.Length < 1000)
            {
                var prompt = seed == 0 ? 1 : random.Next(1, 2 * buffer);
                cache.BeginPrompt(Math.Min(cache.Length + prompt, Capacity));
                for (var added = 0; added < prompt + random.Next(buffer) && cache.Length < 1000;)
                    added += Append(text, Math.Min(cache.Room, random.Next(1, 64)));
            }
            Assert.InRange(cache.Length - cache.Compressed, 0, 2 * buffer);
        }
    }

    private static CompressedBench NewBench(KvCompression compression) =>
        new(compression, new CompressedKvSize(Blocks: 1, FirstBlocks: 1, ExactPages: 1), capacity: Capacity);

    private static int Append(CompressedBenchCache text, int count)
    {
        var tokens = Tokens(text.Tokens.Count, count);
        text.Pass(tokens);
        text.Keep(count, tokens);
        return count;
    }

    private static int[] Tokens(int first, int count) => [.. Enumerable.Range(first, count).Select(position => 2 + position * 7 % 90)];

    private static byte[] Compress(
        CompressedBench bench, KvChunkLayout layout, List<float> keys, List<float> values, int first, int layer, int number)
    {
        var shape = new Shape(layout.Tokens, layout.KvHeads, layout.HeadDim);
        using var pool = bench.Backend.CreatePool("chunk", 8L * shape.Count + layout.StoredBytes + 1024);
        var (k, v, chunk) = (pool.Rent(shape), pool.Rent(shape), pool.Rent(new Shape(layout.Units, 16), ElementType.I32));
        bench.Backend.Upload<float>(keys.Slice(first, (int)shape.Count).ToArray(), k);
        bench.Backend.Upload<float>(values.Slice(first, (int)shape.Count).ToArray(), v);
        bench.Backend.KvCompress(k, v, layout, layer, number, chunk, 0);
        var words = new int[layout.StoredBytes / sizeof(int)];
        bench.Backend.Download(chunk, words.AsSpan());
        foreach (var tensor in (Tensor[])[k, v, chunk]) tensor.Buffer.Dispose();
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()).ToArray();
    }
}
