using System.Text.RegularExpressions;
using Coppice.Cache;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>
/// With compressed keys and values a text is that of token-by-token decoding on the same kind of cache: whatever drafts, however a prompt
/// is cut, after a fork, from a file, or after another session's beginning.
/// </summary>
public sealed class CompressedIdentityTests : IDisposable
{
    private const int Context = 400;
    private readonly TinyModel _folder = new(Config);
    private readonly TemporaryFile _file = new();

    private const string Config = """
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 80,
         "num_hidden_layers": 3, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "eos_token_id": 1}
        """;

    public static TheoryData<string> Kinds =>
        ["q8", "kivi2", "gear2", "kv-22", "k4v2", "gear2:scales=i8,factors-first=true,shrink=true,rotate-values=true"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _file.Dispose();
        _folder.Dispose();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_prompt_gives_the_same_logits_however_it_is_cut(string kind)
    {
        var ids = TinyModel.Prompt(300);
        var expected = Logits(Options(kind) with { PrefillChunk = 1 }, ids);
        foreach (var chunk in (int[])[7, 64, 100, 300])
            Assert.True(expected.AsSpan().SequenceEqual(Logits(Options(kind) with { PrefillChunk = chunk }, ids)), $"chunks of {chunk}");
        var exact = Logits(Options("f16"), ids);
        if (KvCacheOptions.Named(kind).Compression is { RotateValues: true } turned)
        {
            // Turned there and back, with values, or keys and values, rounded to F16 in between.
            Assert.InRange(RelativeError(exact.AsSpan(0, 96 * 96), expected.AsSpan(0, 96 * 96)), 1e-7, turned.RotateKeys ? 5e-3 : 2e-3);
            return;
        }
        Assert.True(exact.AsSpan(0, 96 * 96).SequenceEqual(expected.AsSpan(0, 96 * 96)), "the first 96 positions see nothing compressed");
        Assert.False(exact.AsSpan(96 * 96, 96).SequenceEqual(expected.AsSpan(96 * 96, 96)), "position 96 sees the first 64 compressed");
    }

    [Theory, InlineData("mistral"), InlineData("gemma2"), InlineData("gemma3"), InlineData("gpt2"), InlineData("phi"),
        InlineData("smollm3")]
    public void Every_family_gives_the_same_logits_however_a_prompt_is_cut(string family)
    {
        // A window that begins in the midst of what is compressed.
        var config = Regex.Replace(TinyFamilies.Configs[family], "\"sliding_window\": \\d+", "\"sliding_window\": 120");
        using var folder = new TinyModel(config);
        foreach (var kind in (string[])["gear3", "kv-19"])
        {
            var options = Options(kind) with { ContextLength = 256 };
            var ids = TinyModel.Prompt(250);
            var expected = Logits(options with { PrefillChunk = 1 }, ids, folder);
            Assert.True(expected.AsSpan().SequenceEqual(Logits(options with { PrefillChunk = 90 }, ids, folder)), kind);
            Assert.All(expected, logit => Assert.True(float.IsFinite(logit)));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_drafter_gives_the_text_of_plain_decoding(string kind)
    {
        using var model = _folder.Load(Options(kind));
        var prompt = TinyModel.Prompt(100);
        using var plain = model.NewSession();
        foreach (var greedy in (bool[])[true, false])
        {
            var expected = plain.Ids(prompt, With(DrafterOptions.None, greedy));
            foreach (var name in (string[])["prompt-lookup", "suffix", "token-recycling:tree=template", "auto", "aded"])
            {
                using var session = model.NewSession();
                Assert.Equal(expected, session.Ids(prompt, With(DrafterOptions.Parse(Unguarded(name)), greedy)));
            }
        }

        static string Unguarded(string name) => name + (name.Contains(':', StringComparison.Ordinal) ? ",guard=false" : ":guard=false");

        static GenerationOptions With(DrafterOptions drafter, bool greedy) =>
            new() { MaxTokens = 200, IgnoreEos = true, Drafter = drafter, Temperature = greedy ? 0 : 0.8f, Seed = 3 };
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_later_session_begins_with_the_pages_of_an_earlier_one(string kind)
    {
        var prompt = TinyModel.Prompt(250);
        int[] expected;
        using (var alone = _folder.Load(Options(kind) with { KvCache = Options(kind).KvCache with { SharedTokens = 0 } }))
        using (var session = alone.NewSession()) expected = session.Greedy(prompt, 60);
        using var model = _folder.Load(Options(kind));
        using (var first = model.NewSession()) Assert.Equal(expected, first.Greedy(prompt, 60));
        using var second = model.NewSession();
        Assert.Equal(expected, second.Greedy(prompt, 60));
        Assert.Equal(192, second.LastResult!.ReusedTokens);     // whole blocks before the last token
        using var other = model.NewSession();
        int[] begins = [.. prompt[..150], 5, 6, 7];
        var text = other.Greedy(begins, 30);
        Assert.Equal(128, other.LastResult!.ReusedTokens);
        model.Prefixes!.Clear(CacheScope.Default);
        using var fresh = model.NewSession();
        Assert.Equal(fresh.Greedy(begins, 30), text);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_session_that_is_cut_back_goes_on_as_a_fresh_one(string kind)
    {
        using var model = _folder.Load(Options(kind) with { KvCache = Options(kind).KvCache with { PrefixCaching = false } });
        using var session = model.NewSession();
        var prompt = TinyModel.Prompt(300);
        session.Greedy(prompt, 20);
        foreach (var kept in (int[])[299, 257, 256, 255, 200, 130, 96, 64, 3])
        {
            int[] begins = [.. prompt[..kept], 5, 6];
            using var fresh = model.NewSession();
            Assert.Equal(fresh.Greedy(begins, 30), session.Greedy(begins, 30));
            Assert.InRange(session.LastResult!.ReusedTokens, 0, kept);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Forks_and_files_go_on_with_the_same_text(string kind)
    {
        foreach (var sharedTokens in (int[])[-1, 0])
        {
            var options = Options(kind) with { KvCache = Options(kind).KvCache with { SharedTokens = sharedTokens } };
            using var model = _folder.Load(options);
            using var session = model.NewSession();
            int[] conversation = [.. TinyModel.Prompt(230), .. session.Greedy(TinyModel.Prompt(230), 30)];
            await session.SaveAsync(_file.Path, Cancellation);
            using var fork = session.Fork();
            var expected = session.Greedy([.. conversation, 5], 60);
            Assert.Equal(expected, fork.Greedy([.. conversation, 5], 60));
            Assert.Equal(conversation.Length - 1, fork.LastResult!.ReusedTokens);
            using var second = _folder.Load(options);
            using var loaded = second.NewSession();
            await loaded.LoadAsync(_file.Path, Cancellation);
            Assert.Equal(expected, loaded.Greedy([.. conversation, 5], 60));
            Assert.Equal(conversation.Length - 1, loaded.LastResult!.ReusedTokens);
        }
        using var another = _folder.Load(Options("q4"));
        using var refuses = another.NewSession();
        var error = await Assert.ThrowsAsync<SessionFileException>(() => refuses.LoadAsync(_file.Path, Cancellation));
        Assert.Contains("compressed the same way", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Bytes_in_use_are_those_that_the_folder_tells(string kind)
    {
        var options = KvCacheOptions.Named(kind);
        using var model = _folder.Load(Options(kind) with { KvCache = options with { PrefixCaching = false } });
        var info = ModelInfo.Read(_folder.Folder);
        foreach (var tokens in (int[])[1, 64, 95, 97, 160, 161, 300])
        {
            using var session = model.NewSession();
            session.Greedy(TinyModel.Prompt(tokens), 1);
            var tables = CompressedKvTables.SizeInBytes(Context + ModelRunner.TreeNodes);
            Assert.InRange(session.KvBytes - info.KvBytes(options, tokens), tables - 512, tables);
        }
        Assert.True(info.KvBytes(options, 300) < info.KvBytes(KvCacheOptions.Named("f16"), 300));
    }

    [Fact]
    public void A_text_that_fits_only_compressed_is_generated()
    {
        // Two sessions of 390 tokens are 14 blocks, of which 8 can be exact at once.
        var options = Options("q8");
        var kv = options.KvCache with { SharedTokens = 64 * 14, ExactTokens = 64 * 8, PrefixCaching = false };
        using var model = _folder.Load(options with { KvCache = kv, PrefillChunk = 64 });
        Assert.Equal(8, ((CompressedKvPool)model.Runner.SharedPages!).Exact.Pages);
        using var one = model.NewSession();
        using var two = model.NewSession();
        var (first, second) = (one.Greedy(TinyModel.Prompt(350), 40), two.Greedy(TinyModel.Prompt(350, seed: 2), 40));
        Assert.Equal(first, one.Greedy(TinyModel.Prompt(350), 40));
        Assert.Equal(second, two.Greedy(TinyModel.Prompt(350, seed: 2), 40));
        Assert.Equal(0, model.Scheduler.Preemptions);
    }

    [Theory]
    [InlineData(17, 4)]
    [InlineData(0, 64)]
    public void A_compression_that_cannot_be_is_refused(int rank, int sinks)
    {
        var options = Options("q8") with { KvCache = new() { Compression = new() { Rank = rank, SinkTokens = sinks } } };
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _folder.Load(options));
        Assert.Contains("KvCache.Compression", error.Message, StringComparison.Ordinal);
    }

    private static ModelOptions Options(string kind) =>
        new() { Device = "cpu", Threads = 2, ContextLength = Context, KvCache = KvCacheOptions.Named(kind) };

    private static double RelativeError(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        double error = 0, size = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            error += Math.Pow(actual[i] - expected[i], 2);
            size += Math.Pow(expected[i], 2);
        }
        return Math.Sqrt(error / size);
    }

    private float[] Logits(ModelOptions options, int[] ids, TinyModel? folder = null)
    {
        using var model = (folder ?? _folder).Load(options);
        using var scorer = new Scorer(model);
        var all = new List<float>();
        scorer.Logits(ids, (_, rows) => all.AddRange(rows), Cancellation);
        return [.. all];
    }
}
