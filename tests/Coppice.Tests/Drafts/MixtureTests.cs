using Coppice.Execution;
using Coppice.Models;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>Rows whose embedding is the mean of several tokens': in passes of every family, alone and among others.</summary>
public sealed class MixtureTests
{
    public static TheoryData<string> Families => ["llama", "gemma3", "mixtral", "gpt2"];

    /// <summary>S02: a mixture of one token is that token, bit for bit.</summary>
    [Theory, MemberData(nameof(Families))]
    public void A_mixture_of_one_token_has_the_bits_of_the_token(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        var prompt = TinyModel.Prompt(20);
        var (plain, mixed) = (runner.Dense(), runner.Dense());
        var expected = runner.Run(plain, prompt);
        var actual = Run(runner, mixed, prompt, [.. prompt.Select(token => new TokenMixture([token], [1]))]);
        Assert.Equal(expected, actual);
    }

    /// <summary>
    /// S05: the first layer's input is the mean; a model of one layer that passes its input on would show it, so the whole pass is
    /// compared with one over a table
    /// in which a spare token has that mean as its row.
    /// </summary>
    [Fact]
    public void A_mixture_is_a_token_whose_row_is_the_weighted_mean()
    {
        const int spare = 95;
        int[] ids = [5, 17, 40];
        float[] weights = [.5f, .3125f, .1875f];
        using var folder = new TinyModel();
        using (var model = folder.Load())
        {
            using var runner = new PassRunner(model);
            var mixed = Run(runner, runner.Dense(), [7, 5, 9], [null, new TokenMixture(ids, weights), null]);
            float[]? rows = null;
            using (var file = Coppice.Weights.SafetensorsFile.Open(folder.WeightsPath))
            {
                var name = file.Tensors.Keys.Single(key => key.Contains("embed_tokens", StringComparison.Ordinal));
                rows = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(file.Bytes(file.Tensors[name])).ToArray();
            }
            var hidden = model.Spec.HiddenSize;
            var bytes = File.ReadAllBytes(folder.WeightsPath);
            var place = bytes.AsSpan().IndexOf(System.Runtime.InteropServices.MemoryMarshal.AsBytes(rows.AsSpan(0, 16)));
            for (var k = 0; k < hidden; k++)
            {
                var mean = (float)ids.Select((id, i) => (double)weights[i] * rows[id * hidden + k]).Sum();
                BitConverter.TryWriteBytes(bytes.AsSpan(place + 4 * (spare * hidden + k)), mean);
            }
            using var changed = new TinyModel();
            File.WriteAllBytes(changed.WeightsPath, bytes);
            using var other = changed.Load();
            using var otherRunner = new PassRunner(other);
            var expected = otherRunner.Run(otherRunner.Dense(), [7, spare, 9]);
            Assert.True(Logits.LargestDifference(expected, mixed) <= 1e-5f);
            Assert.True(Logits.LargestDifference(expected, otherRunner.Run(otherRunner.Dense(), [7, 5, 9])) > 1e-2f);
        }
    }

    /// <summary>S11: a row does not depend on who else is in the pass.</summary>
    [Theory, MemberData(nameof(Families))]
    public void Mixtures_among_other_rows_have_the_bits_that_they_have_alone(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        for (var seed = 0; seed < 10; seed++)
        {
            var random = new Random(seed);
            var parts = Enumerable.Range(0, 5).Select(i =>
            {
                var tokens = TinyModel.Prompt(1 + random.Next(6), seed * 10 + i);
                TokenMixture?[] mixtures = [.. tokens.Select(_ => random.Next(2) == 0 ? null : Mixture(random))];
                return (Tokens: tokens, Mixtures: mixtures);
            }).ToArray();
            var alone = parts.SelectMany(part => Run(runner, runner.Paged(seed), part.Tokens, part.Mixtures)).ToArray();
            var together = runner.Run([.. parts.Select(part => Request(runner.Dense(), part.Tokens, part.Mixtures))]);
            Assert.Equal(alone, together);
        }
    }

    private static TokenMixture Mixture(Random random)
    {
        int[] ids = [.. Enumerable.Range(2, 90).OrderBy(_ => random.Next()).Take(1 + random.Next(4))];
        var raw = ids.Select(_ => random.NextDouble() + .01).ToArray();
        return new TokenMixture(ids, [.. raw.Select(weight => (float)(weight / raw.Sum()))]);
    }

    private static float[] Run(PassRunner runner, Coppice.Cache.KvCache cache, int[] tokens, TokenMixture?[] mixtures) =>
        runner.Run(Request(cache, tokens, mixtures));

    private static PassRequest Request(Coppice.Cache.KvCache cache, int[] tokens, TokenMixture?[] mixtures)
    {
        var request = new PassRequest();
        request.Stretch(cache, tokens, nodes: tokens.Length, mixtures: mixtures);
        return request;
    }
}
