using Coppice.Kernels;
using Coppice.Kernels.Numerics;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Embeddings;

/// <summary>Encoders against BERT in double precision, and the bits of a text alone and among others.</summary>
public sealed class EncoderTests : IDisposable
{
    /// <summary>Vectors of length 1 in F32 after three layers; a wrong op moves them by far more.</summary>
    private const double Tolerance = 2e-6;

    private readonly TinyEncoder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(TinyEncoder.Bert, null, null)]
    [InlineData(TinyEncoder.Bert, Pooling.FirstToken, null)]
    [InlineData(TinyEncoder.Bert, Pooling.LastToken, false)]
    [InlineData(TinyEncoder.Roberta, null, null)]
    [InlineData(TinyEncoder.Roberta, Pooling.LastToken, true)]
    public void Vectors_are_those_of_the_reference(string config, Pooling? pooling, bool? normalize)
    {
        using var folder = new TinyEncoder(config);
        using var model = folder.Load(embedding: new EmbeddingOptions { Pooling = pooling, Normalize = normalize });
        Assert.Equal((TinyEncoder.Hidden, TinyEncoder.MaxTokens), (model.Dimensions, model.MaxTokens));
        Assert.Equal((pooling ?? Pooling.Mean, normalize ?? true), (model.Pooling, model.IsNormalized));
        var reference = new ReferenceEncoder(folder.Folder);
        string[] texts = ["", "a", TinyEncoder.Text(61, 1), TinyEncoder.Text(62, 2), TinyEncoder.Text(63, 3), TinyEncoder.Text(98, 4),
            TinyEncoder.Text(140, 5)];
        var embeddings = model.Embed(texts, Cancellation);
        for (var i = 0; i < texts.Length; i++)
        {
            var ids = TinyEncoder.Ids(texts[i]);
            Assert.Equal(ids.Length, embeddings[i].TokenCount);
            Assert.Equal(texts[i].Count(char.IsLetter) > TinyEncoder.MaxTokens - 2, embeddings[i].IsTruncated);
            AssertNear(reference.Embed(ids, model.Pooling, model.IsNormalized), embeddings[i].Vector.Span, model.IsNormalized ? 1 : 8);
        }
    }

    [Fact]
    public void Device_kernels_give_the_reference_too()
    {
        using var model = _folder.Load(new ModelOptions { Device = "ilgpu-cpu", ContextLength = 16, PrefillChunk = 16, MaxSequences = 2 });
        var reference = new ReferenceEncoder(_folder.Folder);
        foreach (var text in (string[])["", "abc de"])
            AssertNear(reference.Embed(TinyEncoder.Ids(text), Pooling.Mean, normalize: true), model.Embed(text).Vector.Span, 1);
    }

    /// <summary>
    /// Contract C1 through the whole way: other texts, threads, widths of vectors, sizes of passes and types of pages change no bit.
    /// </summary>
    [Fact]
    public void A_text_has_the_same_bits_alone_and_among_others_whatever_computes()
    {
        var texts = TinyEncoder.Texts(120);
        float[][] expected;
        using (var model = _folder.Load()) expected = [.. texts.Select(text => model.Embed(text).Vector.ToArray())];
        Assert.Contains(CpuTier.Portable, Tiers.All);
        foreach (var tier in Tiers.All)
        {
            foreach (var (threads, chunk, sequences) in ((int, int, int)[])[(1, 512, 64), (2, 16, 3), (3, 700, 256)])
            {
                var options = new ModelOptions
                {
                    Device = "cpu",
                    CpuTier = tier,
                    Threads = threads,
                    PrefillChunk = chunk,
                    MaxSequences = sequences
                };
                using var model = _folder.Load(options);
                AssertSame(expected, model.Embed(texts, Cancellation), $"{tier}, {threads} threads, passes of {chunk}");
            }
        }
    }

    [Fact]
    public async Task Callers_at_the_same_time_get_what_each_gets_alone()
    {
        var texts = TinyEncoder.Texts(60);
        using var model = _folder.Load(new ModelOptions { Device = "cpu", Threads = 2, MaxSequences = 16 });
        var expected = texts.Select(text => model.Embed(text).Vector.ToArray()).ToArray();
        var calls = Enumerable.Range(0, 12).Select(async caller =>
        {
            var order = Enumerable.Range(0, texts.Length).OrderBy(i => (i * 7 + caller * 13) % texts.Length).ToArray();
            string[] own = [.. order.Select(i => texts[i])];
            var embeddings = caller % 3 == 0
                ? await Task.Run(() => model.Embed(own), Cancellation) : await model.EmbedAsync(own, Cancellation);
            AssertSame([.. order.Select(i => expected[i])], embeddings, $"caller {caller}");
        });
        await Task.WhenAll(calls);
        Assert.Equal(0, model.Model.Scheduler.Load);
        Assert.Equal(model.Model.Runner.SharedPages!.Pages, model.Model.Runner.SharedPages.FreePages);
    }

    [Fact]
    public void Narrower_weights_compute_as_rounded_ones_do()
    {
        var texts = TinyEncoder.Texts(20);
        float[][] exact = Vectors(WeightFormat.AsStored, texts), narrow = Vectors(WeightFormat.BF16, texts);
        Assert.Equal(exact, Vectors(WeightFormat.F32, texts));
        Assert.NotEqual(exact, narrow);
        _folder.Weights.Write(round: weight => BFloat16.ToSingle(BFloat16.FromSingle(weight)));
        Assert.Equal(Vectors(WeightFormat.AsStored, texts), narrow);
    }

    [Fact]
    public void Quantised_weights_compute_as_what_their_codes_stand_for()
    {
        var texts = TinyEncoder.Texts(20);
        var exact = Vectors(WeightFormat.AsStored, texts);
        _folder.Weights.Write(roundRow: Dequantize);
        var rounded = Vectors(WeightFormat.AsStored, texts);
        Assert.Equal(rounded, Vectors(WeightFormat.Q8, texts));
        Assert.NotEqual(exact, rounded);
    }

    [Fact]
    public void With_rounded_activations_too_a_text_has_the_same_bits_among_others()
    {
        var texts = TinyEncoder.Texts(30);
        using var quantised = _folder.Load(new ModelOptions
        {
            Device = "cpu",
            WeightFormat = WeightFormat.Q8,
            Activations = ActivationFormat.Int8
        });
        var together = quantised.Embed(texts, Cancellation);
        for (var i = 0; i < texts.Length; i++) Assert.Equal(quantised.Embed(texts[i]).Vector.ToArray(), together[i].Vector.ToArray());
        Assert.NotEqual(Vectors(WeightFormat.Q8, texts), [.. together.Select(embedding => embedding.Vector.ToArray())]);
    }

    [Fact]
    public void No_texts_give_no_vectors()
    {
        using var model = _folder.Load();
        Assert.Empty(model.Embed([], Cancellation));
        Assert.Throws<ArgumentNullException>(() => model.Embed(["a", null!], Cancellation));
        Assert.Throws<ArgumentNullException>(() => model.Embed((string)null!));
    }

    private static void AssertNear(double[] expected, ReadOnlySpan<float> actual, double times)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < actual.Length; i++)
        {
            var distance = Math.Abs(expected[i] - actual[i]);
            Assert.True(distance <= Tolerance * times, $"element {i}: expected {expected[i]}, got {actual[i]}");
        }
    }

    private static void AssertSame(float[][] expected, IReadOnlyList<TextEmbedding> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(expected[i].AsSpan().SequenceEqual(actual[i].Vector.Span), $"text {i} differs with {what}");
    }

    private float[][] Vectors(WeightFormat format, string[] texts)
    {
        using var model = _folder.Load(new ModelOptions { Device = "cpu", WeightFormat = format });
        return [.. model.Embed(texts, Cancellation).Select(embedding => embedding.Vector.ToArray())];
    }

    /// <summary>A row to what the eight bits of its groups of 32 stand for.</summary>
    private static void Dequantize(Span<float> row)
    {
        Span<sbyte> codes = stackalloc sbyte[32];
        for (var k = 0; k < row.Length; k += 32)
        {
            var group = row[k..Math.Min(k + 32, row.Length)];
            var scale = QuantizedGroup.EncodeQ8(group, codes);
            for (var i = 0; i < group.Length; i++) group[i] = scale * codes[i];
        }
    }
}
