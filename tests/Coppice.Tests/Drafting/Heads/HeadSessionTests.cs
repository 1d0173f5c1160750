using Coppice.Drafting;
using Coppice.Models;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Drafting.Heads;

/// <summary>Text with draft heads: lossless whatever the cache, the sampler and the company, and as fast as the heads are right.</summary>
public sealed class HeadSessionTests : IDisposable
{
    private const int Tokens = 40;

    private readonly ModelPair _pair = new();

    public void Dispose() => _pair.Dispose();

    public static TheoryData<string> Layouts => ["v1", "v2", "hydra", "hydra++"];

    private static DrafterOptions Drafter(string layout, string folder, string more = "adaptive=false,guard=false") =>
        DrafterOptions.Parse($"{(layout.StartsWith("hydra", StringComparison.Ordinal) ? "hydra" : "medusa")}:heads={folder},{more}");

    private GenerationOptions Options(string layout, int seed = 0, double temperature = 0) =>
        Plain(seed, temperature) with { Drafter = Drafter(layout, _pair.Heads(layout)) };

    private static GenerationOptions Plain(int seed = 0, double temperature = 0) => new()
    {
        MaxTokens = Tokens,
        IgnoreEos = true,
        Seed = (ulong)seed,
        Temperature = (float)temperature,
        Drafter = DrafterOptions.None,
    };

    /// <summary>MH4: with heads that are never wrong every pass gives what was proposed and a token more.</summary>
    [Fact]
    public void Heads_that_are_always_right_give_five_tokens_a_pass()
    {
        using var folder = new TinyModel();
        MakeSuccessor(folder);
        using var files = new TinyHeads("v1", folder, heads: 4, blocks: 1, scale: 0);
        for (var head = 0; head < 4; head++)
        {
            // Row t + 2 + head has the state of token t.
            var values = new float[96 * 48];
            for (var token = 0; token < 48; token++) values[(token + 2 + head) % 48 * 48 + token] = 1;
            files.Add($"{head}.1.weight", values, 96, 48);
        }
        files.Write();
        using var model = folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 41, IgnoreEos = true, Drafter = Drafter("v1", files.Folder) };
        Assert.Equal(Enumerable.Range(4, 41).Select(token => token % 48), session.Ids([3], options));
        // The first token comes without a draft.
        Assert.Equal(1 + 40 / 5, session.LastResult!.Steps);
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Sampled_text_is_that_of_plain_sampling(string layout)
    {
        using var model = _pair.Load();
        using var session = model.NewSession();
        using var plain = model.NewSession();
        foreach (var temperature in (double[])[0.3, 0.7, 1])
        {
            for (var seed = 0; seed < 3; seed++)
            {
                var prompt = TinyModel.Prompt(20, seed);
                Assert.Equal(plain.Ids(prompt, Plain(seed, temperature)), session.Ids(prompt, Options(layout, seed, temperature)));
                Assert.True(session.LastResult!.DraftedTokens > 0, "nothing was drafted");
            }
        }
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Compressed_caches_give_the_text_of_plain_decoding(string layout)
    {
        foreach (var kind in (string[])["kivi2", "gear4", "q8"])
        {
            using var model = _pair.Load(new ModelOptions
            {
                Device = "cpu",
                Threads = 1,
                ContextLength = 256,
                KvCache = KvCacheOptions.Named(kind),
            });
            using var session = model.NewSession();
            using var plain = model.NewSession();
            var prompt = TinyModel.Prompt(130);
            Assert.Equal(plain.Ids(prompt, Plain()), session.Ids(prompt, Options(layout)));
        }
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Turns_forks_and_cut_prompts_give_the_text_of_plain_decoding(string layout)
    {
        using var model = _pair.Load(new ModelOptions { Device = "cpu", Threads = 1, ContextLength = 256, PrefillChunk = 32 });
        using var session = model.NewSession();
        using var plain = model.NewSession();
        int[] prompt = TinyModel.Prompt(75);
        for (var turn = 0; turn < 3; turn++)
        {
            var text = session.Ids(prompt, Options(layout) with { MaxTokens = 15 });
            Assert.Equal(plain.Ids(prompt, Plain() with { MaxTokens = 15 }), text);
            prompt = [.. prompt, .. text, .. TinyModel.Prompt(5, turn)];
        }
        using var fork = session.Fork();
        int[] other = [.. session.Tokens.Take(80), 5, 6];
        Assert.Equal(plain.Ids(other, Plain()), fork.Ids(other, Options(layout)));
        Assert.Equal(plain.Ids(prompt, Plain()), session.Ids(prompt, Options(layout)));
    }

    [Theory, MemberData(nameof(Layouts))]
    public async Task Sequences_at_once_have_the_texts_of_each_alone(string layout)
    {
        using var model = _pair.Load();
        var expected = Enumerable.Range(0, 6).Select(i =>
        {
            using var plain = model.NewSession();
            return plain.Ids(TinyModel.Prompt(10 + 7 * i, i), Plain()).ToArray();
        }).ToArray();
        var texts = await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            using var session = model.NewSession();
            var ids = new List<int>();
            await foreach (var piece in session.GenerateAsync(TinyModel.Prompt(10 + 7 * i, i), Options(layout)).ConfigureAwait(false))
                ids.Add(piece.TokenId);
            return ids.ToArray();
        }));
        for (var i = 0; i < 6; i++) Assert.Equal(expected[i], texts[i]);
    }

    [Theory, InlineData("v1"), InlineData("hydra++")]
    public void Auto_with_heads_gives_the_text_of_plain_decoding_and_learns_from_them(string layout)
    {
        using var model = _pair.Load();
        using var session = model.NewSession();
        using var plain = model.NewSession();
        foreach (var temperature in (double[])[0, 0.8])
        {
            for (var seed = 0; seed < 4; seed++)
            {
                var prompt = TinyModel.Prompt(30, seed);
                var drafter = DrafterOptions.Parse($"auto:guard=false,heads={_pair.Heads(layout)}");
                var options = Plain(seed, temperature) with { Drafter = drafter };
                Assert.Equal(plain.Ids(prompt, Plain(seed, temperature)), session.Ids(prompt, options));
            }
        }
    }

    /// <summary>Twelve matches, eight recycled choices and four tokens of the heads may follow one node.</summary>
    [Fact]
    public void Auto_has_room_for_all_that_its_sources_name()
    {
        using var folder = new TinyModel();
        MakeSuccessor(folder);
        using var files = new TinyHeads("v1", folder, heads: 1, blocks: 1, scale: 0);
        // Whatever the state, the last tokens are the likeliest.
        var values = new float[96 * 48];
        for (var token = 40; token < 48; token++) values.AsSpan(token * 48, 48).Fill(token);
        files.Add("0.1.weight", values, 96, 48);
        files.Write();
        using var model = folder.Load();
        var options = Plain() with { MaxTokens = 4, Drafter = DrafterOptions.Parse($"auto:guard=false,heads={files.Folder}") };
        using (var earlier = model.NewSession()) Assert.Equal([9, 10, 11, 12], earlier.Ids([8], options));
        // Heads that cost nothing are asked.
        model.OpenHeads(null, "auto", files.Folder, quantized: true)!.Batch.Observe(0);
        using var session = model.NewSession();
        int[] prompt = [.. Enumerable.Range(20, 12).SelectMany(next => new[] { 10, next }), 9];
        Assert.Equal([10, 11, 12, 13], session.Ids(prompt, options));
    }

    /// <summary>What heads have taken is given back with the model.</summary>
    [Fact]
    public void Disposing_the_model_frees_the_heads()
    {
        var model = _pair.Load();
        var statistics = model.Backend.Memory;
        using (var session = model.NewSession()) session.Ids(TinyModel.Prompt(8), Options("hydra++"));
        model.Dispose();
        Assert.Equal(0, statistics.BytesInUse);
    }

    /// <summary>A model whose next token is the one after the last, modulo 48: a token's state is one direction.</summary>
    private static void MakeSuccessor(TinyModel folder)
    {
        using var writer = new SafetensorsWriter(folder.WeightsPath, folder.Tensors);
        foreach (var (name, _, shape) in folder.Tensors)
        {
            var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
            if (name.Contains("norm", StringComparison.Ordinal)) values.AsSpan().Fill(1);
            for (var token = 0; token < 48; token++)
            {
                if (name.EndsWith("embed_tokens.weight", StringComparison.Ordinal)) values[token * 48 + token] = 1;
                if (name == "lm_head.weight") values[(token + 1) % 48 * 48 + token] = 1;
            }
            writer.Write<float>(values);
        }
        writer.Complete();
    }
}
