using System.Runtime.InteropServices;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Embeddings;

/// <summary>Vectors of decoders: their last hidden states are what the head reads, in whatever pieces a text runs.</summary>
public sealed class DecoderEmbeddingTests : IDisposable
{
    private static readonly EmbeddingOptions Raw = new() { Normalize = false };

    private readonly TinyModel _folder = new();
    private readonly LanguageModel _model;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public DecoderEmbeddingTests()
    {
        TinyEncoder.WriteTokenizer(_folder.Folder);
        _model = _folder.Load();
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_head_times_the_last_state_gives_the_logits()
    {
        using var embedding = new EmbeddingModel(_model, Raw);
        Assert.Equal((Pooling.LastToken, 48, 128), (embedding.Pooling, embedding.Dimensions, embedding.MaxTokens));
        using var file = SafetensorsFile.Open(_folder.WeightsPath);
        var head = MemoryMarshal.Cast<byte, float>(file.Bytes(file.Tensors["lm_head.weight"])).ToArray();
        foreach (var text in (string[])["", "a", TinyEncoder.Text(70, 1)])
        {
            var vector = embedding.Embed(text).Vector.ToArray();
            var logits = Logits.Of(_model, TinyEncoder.Ids(text, 128))[^96..];
            for (var token = 0; token < logits.Length; token++)
            {
                var product = vector.Select((value, i) => (double)value * head[token * 48 + i]).Sum();
                Assert.Equal(product, logits[token], tolerance: 1e-5);
            }
        }
    }

    [Fact]
    public void The_mean_is_that_of_the_states_of_all_beginnings()
    {
        using var mean = new EmbeddingModel(_model, Raw with { Pooling = Pooling.Mean });
        using var first = new EmbeddingModel(_model, Raw with { Pooling = Pooling.FirstToken });
        var ids = TinyEncoder.Ids("abc");
        var states = Enumerable.Range(1, ids.Length).Select(length => LastState(ids[..length])).ToArray();
        var vector = mean.Embed("abc").Vector.ToArray();
        for (var i = 0; i < vector.Length; i++) Assert.Equal(states.Average(state => (double)state[i]), vector[i], tolerance: 1e-6);
        Assert.Equal(states[0], first.Embed("abc").Vector.ToArray());
    }

    [Fact]
    public async Task A_text_has_the_same_bits_in_small_passes_with_few_pages_and_beside_sessions()
    {
        var texts = TinyEncoder.Texts(60);
        var options = Raw with { Pooling = Pooling.Mean };
        using var alone = new EmbeddingModel(_model, options);
        var expected = texts.Select(text => alone.Embed(text).Vector.ToArray()).ToArray();
        using var tight = _folder.Load(new ModelOptions
        {
            Device = "cpu",
            ContextLength = 128,
            PrefillChunk = 16,
            MaxSequences = 8,
            KvCache = new KvCacheOptions { SharedTokens = 384 },
        });
        using var embedding = new EmbeddingModel(tight, options);
        using var session = tight.NewSession();
        var generating = Task.Run(() => session.Greedy(TinyModel.Prompt(9), 60), Cancellation);
        var calls = Enumerable.Range(0, 4).Select(_ => embedding.EmbedAsync(texts, Cancellation)).ToArray();
        foreach (var results in await Task.WhenAll(calls))
        {
            for (var i = 0; i < texts.Length; i++) Assert.Equal(expected[i], results[i].Vector.ToArray());
        }
        using var witness = _model.NewSession();
        Assert.Equal(witness.Greedy(TinyModel.Prompt(9), 60), await generating);
        Assert.True(tight.Scheduler.Preemptions > 0, "texts should have given their pages up");
    }

    [Fact]
    public void Vectors_have_length_one_unless_told()
    {
        using var model = EmbeddingModel.Load(_folder.Folder, new ModelOptions { Device = "cpu", ContextLength = 64 });
        using var raw = new EmbeddingModel(_model, Raw);
        var (unit, vector) = (model.Embed("abc").Vector.ToArray(), raw.Embed("abc").Vector.ToArray());
        var length = Math.Sqrt(vector.Sum(value => (double)value * value));
        Assert.InRange(length, 1.5, double.MaxValue);
        for (var i = 0; i < unit.Length; i++) Assert.Equal(vector[i] / length, unit[i], tolerance: 1e-6);
        Assert.Equal((64, true), (model.Embed(TinyEncoder.Text(90, 1)).TokenCount, model.Embed(TinyEncoder.Text(90, 1)).IsTruncated));
    }

    [Fact]
    public void A_text_without_tokens_is_refused()
    {
        File.WriteAllText(
            Path.Combine(_folder.Folder, "tokenizer.json"),
            File.ReadAllText(Path.Combine(_folder.Folder, "tokenizer.json"))
                .Replace("\"TemplateProcessing\"", "\"ByteLevel\"", StringComparison.Ordinal));
        using var model = EmbeddingModel.Load(_folder.Folder, new ModelOptions { Device = "cpu" });
        Assert.Contains("at least one token", Assert.Throws<ArgumentException>(() => model.Embed(["a", ""], Cancellation)).Message,
            StringComparison.Ordinal);
        Assert.Equal(48, model.Embed("a").Vector.Length);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new EmbeddingModel(_model,
            new EmbeddingOptions { Pooling = (Pooling)9 }));
        Assert.Contains("Pooling is not known: 9", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => new EmbeddingModel(null!));
    }

    /// <summary>The state of the last of <paramref name="ids"/>, by a pass of its own.</summary>
    private float[] LastState(int[] ids)
    {
        var state = new float[48];
        using var cache = _model.Runner.NewCache(ids.Length);
        var request = new Coppice.Execution.PassRequest();
        request.Stretch(cache, ids, nodes: 0);
        _model.Runner.Run(request);
        request.Output.Final(ids.Length - 1, 1, state);
        return state;
    }
}
