using System.Text.Json;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Embeddings;

/// <summary>all-MiniLM-L6-v2 against vectors and states that Hugging Face transformers computed (golden/minilm).</summary>
public sealed class MiniLmTests
{
    private const double VectorTolerance = 1e-4, StateTolerance = 2e-3;       // of golden/minilm/README.md

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory, InlineData(CpuTier.Portable), InlineData(CpuTier.Avx2), InlineData(CpuTier.Avx512)]
    public void Tokens_and_vectors_of_all_texts_are_the_golden_ones(CpuTier tier)
    {
        var (folder, files) = Require();
        if (!Tiers.Has(tier)) Assert.Skip($"this machine does not have {tier}");
        var cases = Cases(files);
        using var golden = new Golden(files);
        using var model = EmbeddingModel.Load(folder, new ModelOptions { Device = "cpu", CpuTier = tier });
        Assert.Equal((384, 256, Pooling.Mean, true), (model.Dimensions, model.MaxTokens, model.Pooling, model.IsNormalized));
        var expected = golden.Floats("embeddings");
        var embeddings = model.Embed([.. cases.Select(c => c.Text)], Cancellation);
        for (var i = 0; i < cases.Length; i++)
        {
            Assert.Equal(cases[i].Ids, model.Model.Tokenizer!.EncodeWithin(cases[i].Text, model.MaxTokens, out var isTruncated));
            Assert.Equal((cases[i].Ids.Length, isTruncated), (embeddings[i].TokenCount, embeddings[i].IsTruncated));
            AssertNear(expected.AsSpan(i * 384, 384), embeddings[i].Vector.Span, VectorTolerance, $"text {i}");
            Assert.Equal(model.Embed(cases[i].Text).Vector.ToArray(), embeddings[i].Vector.ToArray());
        }
    }

    [Fact]
    public void States_of_the_tokens_are_the_golden_ones()
    {
        var (folder, files) = Require();
        using var golden = new Golden(files);
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(files, "golden.json")));
        using var model = EmbeddingModel.Load(folder, new ModelOptions { Device = "cpu" });
        var ids = model.Model.Tokenizer!.Encode(document.RootElement.GetProperty("hidden_text").GetString()!);
        using var cache = model.Model.Runner.NewCache(ids.Length);
        var request = new Coppice.Execution.PassRequest();
        request.Stretch(cache, ids, nodes: 0);
        model.Model.Runner.Run(request);
        var states = new float[ids.Length * 384];
        request.Output.Final(0, ids.Length, states);
        AssertNear(golden.Floats("hidden"), states, StateTolerance, "states");
    }

    [Theory, InlineData(WeightFormat.F32, ActivationFormat.F32, 1 - 1e-6), InlineData(WeightFormat.Q8, ActivationFormat.F32, 0.999),
        InlineData(WeightFormat.Q8, ActivationFormat.Int8, 0.998)]
    public void Vectors_of_other_weights_point_the_same_way(WeightFormat weights, ActivationFormat activations, double least)
    {
        var (folder, files) = Require();
        using var golden = new Golden(files);
        using var model = EmbeddingModel.Load(folder, new ModelOptions
        {
            Device = "cpu",
            WeightFormat = weights,
            Activations = activations
        });
        var expected = golden.Floats("embeddings");
        var embeddings = model.Embed([.. Cases(files).Select(c => c.Text)], Cancellation);
        for (var i = 0; i < embeddings.Count; i++)
        {
            var cosine = 0.0;
            for (var j = 0; j < 384; j++) cosine += (double)expected[i * 384 + j] * embeddings[i].Vector.Span[j];
            Assert.True(cosine >= least, $"text {i}: cosine {cosine}");
        }
    }

    private static (string Folder, string Files) Require() =>
        (SharedData.Require("models/all-minilm-l6-v2/model.safetensors")[..^"/model.safetensors".Length],
            SharedData.Require("golden/minilm"));

    private static (string Text, int[] Ids)[] Cases(string files)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(files, "golden.json")));
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(c =>
            (c.GetProperty("text").GetString()!, c.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray()))];
    }

    private static void AssertNear(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < actual.Length; i++)
            Assert.True(Math.Abs((double)expected[i] - actual[i]) <= tolerance,
                $"{what}, element {i}: expected {expected[i]}, got {actual[i]}");
    }
}
