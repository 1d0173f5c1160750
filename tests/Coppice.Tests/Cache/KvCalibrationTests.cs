using System.Runtime.InteropServices;
using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>What a text shows of a model's keys, and that a cache which follows it is still the cache of token-by-token decoding.</summary>
public sealed class KvCalibrationTests : IDisposable
{
    private const int Layers = 3, Heads = 2, Dim = 16;

    private readonly TinyModel _folder = new("""
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
         "intermediate_size": 80, "num_hidden_layers": 3, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": false, "eos_token_id": 1}
        """);
    private readonly TemporaryFile _file = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _file.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Ranges_are_those_of_the_keys_in_whole_chunks()
    {
        var ids = TinyModel.Prompt(150);
        using var model = _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 256 });
        KvCalibration.Measure(model, ids, Cancellation).Save(_file.Path);
        using var runner = new PassRunner(model);
        var cache = runner.Dense();
        runner.Run(cache, ids);
        var ranges = Tensor("ranges");
        var block = new byte[cache.Geometry.BlockBytes];
        for (var layer = 0; layer < Layers; layer++)
        {
            var expected = new double[Heads * Dim];
            for (var chunk = 0; chunk < 2; chunk++)
            {
                cache.ReadBlock(layer, chunk, block);
                var keys = MemoryMarshal.Cast<byte, float>(block);      // [kvHeads, headDim, 64] first
                for (var channel = 0; channel < expected.Length; channel++)
                {
                    var run = keys.Slice(64 * channel, 64).ToArray();
                    expected[channel] += Math.Pow((double)run.Max() - run.Min(), 2) / 2;
                }
            }
            for (var channel = 0; channel < expected.Length; channel++)
                Assert.Equal(expected[channel], ranges[layer * Heads * Dim + channel], 1e-4 * expected[channel]);
        }
    }

    [Fact]
    public void Weights_are_mean_squares_over_the_queries_of_a_KV_head()
    {
        var sums = new KvSums(new KvGeometry(Layers: 2, KvHeads: 2, HeadDim: 2, ElementType.F32), queryHeads: 4);
        // Two rows of four query heads: those of KV head 0 are 0 and 1.
        sums.AddQueries(1, [1, 2, 3, 4, 5, 6, 7, 8, -1, 0, 0, 0, 0, 0, 1, 1]);
        sums.AddKeys(1, [1, 2, 3, 4, 3, 2, -3, 4, 2, 2, 0, 8]);
        Assert.Equal([0, 0, 0, 0, 11f / 4, 20f / 4, 75f / 4, 101f / 4], sums.Weights());
        Assert.Equal([0, 0, 0, 0, 4, 0, 36, 16], sums.Ranges());
    }

    [Fact]
    public void Heads_share_the_bits_of_a_layer()
    {
        using var model = _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 256 });
        var calibration = KvCalibration.Measure(model, TinyModel.Prompt(200), Cancellation);
        for (var bits = 2; bits <= 8; bits++)
            for (var layer = 0; layer < Layers; layer++)
            {
                var weights = calibration.OfLayer(layer, bits);
                Assert.Equal(bits * Heads * Dim, weights.AllBits);
                Assert.All(Enumerable.Range(0, Heads), head => Assert.InRange(weights.Bits(head), Dim, 8 * Dim));
            }
        // A head whose queries are ten times as large gets bits of the other.
        calibration.Save(_file.Path);
        float[] ranges = Tensor("ranges"), sizes = Tensor("weights");
        var before = calibration.OfLayer(1, 4).Bits(0);
        for (var d = 0; d < Dim; d++) sizes[Heads * Dim + d] *= 100;
        Write(_file.Path, ranges, sizes);
        var changed = KvCalibration.Read(_file.Path);
        Assert.InRange(changed.OfLayer(1, 4).Bits(0), before + 1, 8 * Dim);
        Assert.Equal(calibration.OfLayer(0, 4).Bits(0), changed.OfLayer(0, 4).Bits(0));
    }

    [Fact]
    public async Task A_calibrated_cache_gives_the_text_of_token_by_token_decoding()
    {
        using (var model = _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 256 }))
            KvCalibration.Measure(model, TinyModel.Prompt(200, seed: 3), Cancellation).Save(_file.Path);
        var kind = $"kv-22:calibration={_file.Path}";
        var ids = TinyModel.Prompt(300);
        var (scores, text) = Run(1);
        foreach (var chunk in (int[])[64, 300])
        {
            var found = Run(chunk);
            Assert.Equal(scores, found.Scores);
            Assert.Equal(text, found.Text);
        }
        using (var plain = _folder.Load(Options("kv-22", 300)))
        using (var scorer = new Scorer(plain))
            Assert.NotEqual(scores, scorer.NegativeLogLikelihoods(ids, cancellationToken: Cancellation));
        using (var saved = new TemporaryFile())
        {
            using (var model = _folder.Load(Options(kind, 64)))
            using (var session = model.NewSession())
            {
                session.Greedy(ids, 10);
                await session.SaveAsync(saved.Path, Cancellation);
                using var other = _folder.Load(Options(kind, 64));
                using var loaded = other.NewSession();
                await loaded.LoadAsync(saved.Path, Cancellation);
                int[] more = [.. session.Tokens, 5];
                Assert.Equal(session.Greedy(more, 30), loaded.Greedy(more, 30));
            }
            using var uncalibrated = _folder.Load(Options("kv-22", 64));
            using var refuses = uncalibrated.NewSession();
            await Assert.ThrowsAsync<SessionFileException>(() => refuses.LoadAsync(saved.Path, Cancellation));
        }

        (IReadOnlyList<double> Scores, int[] Text) Run(int chunk)
        {
            using var model = _folder.Load(Options(kind, chunk));
            using var scorer = new Scorer(model);
            using var session = model.NewSession();
            return (scorer.NegativeLogLikelihoods(ids, cancellationToken: Cancellation), session.Greedy(ids, 50));
        }
    }

    [Fact]
    public void A_calibration_in_the_folder_is_used()
    {
        var ids = TinyModel.Prompt(300);
        var before = Scores("kv-22");
        using (var model = _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 256 }))
            KvCalibration.Measure(model, TinyModel.Prompt(200, seed: 3), Cancellation).Save(_file.Path);
        var given = Scores($"kv-22:calibration={_file.Path}");
        var (gear, paper) = (Scores("gear2"), Scores("gear2-paper"));
        File.Copy(_file.Path, Path.Combine(_folder.Folder, KvCalibration.FileName));
        Assert.NotEqual(before, given);
        Assert.Equal(given, Scores("kv-22"));
        Assert.Equal(gear, Scores("gear2"));        // all channels have the same bits
        Assert.Equal(paper, Scores("gear2-paper"));

        IReadOnlyList<double> Scores(string kind)
        {
            using var model = _folder.Load(Options(kind, 64));
            using var scorer = new Scorer(model);
            return scorer.NegativeLogLikelihoods(ids, cancellationToken: Cancellation);
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        using var model = _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 256 });
        var few = Assert.Throws<ArgumentException>(() => KvCalibration.Measure(model, TinyModel.Prompt(127), Cancellation));
        Assert.Contains("128", few.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => KvCalibration.Measure(model, [.. TinyModel.Prompt(200), 96], Cancellation));
        Write(_file.Path, new float[Layers * Heads * Dim], new float[Layers * Heads * Dim], layers: 2, dim: 24);
        var error = Assert.ThrowsAny<ArgumentException>(() => _folder.Load(Options($"kv-22:calibration={_file.Path}", 64)));
        Assert.Contains("calibrate with this model", error.Message, StringComparison.Ordinal);
        Assert.ThrowsAny<ArgumentException>(() => KvCacheOptions.Named($"kivi4:calibration={_file.Path}"));
        Write(_file.Path, [.. Enumerable.Repeat(float.NaN, Layers * Heads * Dim)], new float[Layers * Heads * Dim]);
        Assert.Throws<CheckpointException>(() => KvCalibration.Read(_file.Path));
        Assert.ThrowsAny<ArgumentException>(() => KvCacheOptions.Named("kv-22:calibration=/no/such/file"));
    }

    private float[] Tensor(string name)
    {
        using var file = SafetensorsFile.Open(_file.Path);
        Assert.Equal([Layers, Heads, Dim], file.Tensors[name].Shape);
        return MemoryMarshal.Cast<byte, float>(file.Bytes(file.Tensors[name])).ToArray();
    }

    private static void Write(string path, float[] ranges, float[] weights, int layers = Layers, int dim = Dim)
    {
        long[] shape = [layers, Heads, dim];
        using var writer = new SafetensorsWriter(path, [("ranges", SafetensorsType.F32, shape), ("weights", SafetensorsType.F32, shape)]);
        writer.Write<float>(ranges);
        writer.Write<float>(weights);
        writer.Complete();
    }

    private static ModelOptions Options(string kind, int chunk) =>
        new() { Device = "cpu", Threads = 2, ContextLength = 400, PrefillChunk = chunk, KvCache = KvCacheOptions.Named(kind) };
}
