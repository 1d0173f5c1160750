using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>What compressed keys and values are for: more sessions in the same memory, at no cost per token beside the bytes.</summary>
public sealed class CompressedSessionsTests : IDisposable
{
    private const int Tokens = 4096, New = 30;

    private readonly TinyModel _folder = new("""
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 64, "num_attention_heads": 1, "num_key_value_heads": 1,
         "intermediate_size": 32, "num_hidden_layers": 1, "max_position_embeddings": 4608, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": false, "eos_token_id": 1}
        """);

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// Four sessions of 4,096 tokens in F16, and sixteen with kv-22 in no more bytes, all at once under one scheduler: none gives pages
    /// up, all go on from what they have, and their texts are those of a session alone.
    /// </summary>
    [Fact]
    public async Task Four_times_the_sessions_fit_the_memory()
    {
        const int plain = 4;
        var bytes = await Run("f16", plain);
        Assert.InRange(await Run("kv-22", 4 * plain), 1, bytes);
    }

    [Theory]
    [InlineData("q8"), InlineData("kivi2"), InlineData("gear2"), InlineData("kv-22"), InlineData("k4v2"), InlineData("gear4-paper")]
    public void Decoding_allocates_nothing_per_token(string kind)
    {
        using var model = _folder.Load(Options(kind, 512, 1));
        using var session = model.NewSession();
        foreach (var drafter in (DrafterOptions[])[DrafterOptions.None, DrafterOptions.Parse("prompt-lookup:guard=false")])
        {
            var options = new GenerationOptions { MaxTokens = 300, IgnoreEos = true, Temperature = 0, Drafter = drafter };
            Assert.Equal(0, session.AllocatedBytesPerToken(TinyModel.Prompt(100), options));
        }
    }

    /// <summary>Bytes that the keys and values of <paramref name="count"/> sessions of 4,096 tokens take.</summary>
    private async Task<long> Run(string kind, int count)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var options = new GenerationOptions { MaxTokens = New, IgnoreEos = true, Temperature = 0 };
        using var model = _folder.Load(Options(kind, Tokens, count));
        var sessions = Enumerable.Range(0, count).Select(_ => model.NewSession()).ToArray();
        var texts = await Task.WhenAll(sessions.Select((session, i) => Text(session, TinyModel.Prompt(Tokens - New, seed: i))));
        Assert.Equal(0, model.Scheduler.Preemptions);
        // Nobody, idle or not, has had to give its pages up.
        var least = ModelInfo.Read(_folder.Folder).KvBytes(KvCacheOptions.Named(kind), Tokens - 1);
        Assert.All(sessions, session => Assert.Equal((Tokens, true), (session.Tokens.Count, session.KvBytes >= least)));
        var bytes = sessions.Sum(session => session.KvBytes);
        using (var alone = model.NewSession()) Assert.Equal(texts[1], alone.Greedy(TinyModel.Prompt(Tokens - New, seed: 1), New));
        foreach (var session in sessions) session.Dispose();
        return bytes;

        async Task<int[]> Text(Session session, int[] prompt)
        {
            var ids = new List<int>();
            await foreach (var piece in session.GenerateAsync(prompt, options, cancellation)) ids.Add(piece.TokenId);
            return [.. ids];
        }
    }

    /// <summary>Pages for as many sessions and one more, of which the recent tokens of all are exact at once.</summary>
    private static ModelOptions Options(string kind, int tokens, int sessions) => new()
    {
        Device = "cpu",
        Threads = 2,
        ContextLength = tokens,
        PrefillChunk = 256,
        MaxSequences = sessions + 1,
        KvCache = KvCacheOptions.Named(kind) with
        {
            SharedTokens = (sessions + 1) * (tokens + 128),
            ExactTokens = (sessions + 1) * 640,
            PrefixCaching = false,
        },
    };
}
