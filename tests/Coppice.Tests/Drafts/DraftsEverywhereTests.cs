using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>
/// Drafts of every family, weight format and cache: one is the greedy text, batched ones are what forks generate alone, scores are the
/// model's own log-probabilities, a hard reset is a new prompt, and others who decode change nothing.
/// </summary>
public sealed class DraftsEverywhereTests
{
    private const int Tokens = 8;

    public static TheoryData<string> Families() => [.. GoldenFamily.Names()];

    [Theory, MemberData(nameof(Families))]
    public async Task Every_family(string name)
    {
        using var family = new GoldenFamily(name);
        using var golden = new Golden(family.Folder);
        using var model =
            LanguageModel.Load(family.Folder, new ModelOptions { Device = "cpu", WeightFormat = WeightFormat.F32, ContextLength = 112 });
        foreach (var test in (string[])["short", "edge", "window"])
        {
            // Drafts of longrope models end at the border of the original context.
            if (golden.Has($"ids.{test}"))
                await Check(model, golden.Ids($"ids.{test}"), isShort: name.Contains("longrope", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData(WeightFormat.Q8, ActivationFormat.Int8), InlineData(WeightFormat.Q4, ActivationFormat.Int8)]
    [InlineData(WeightFormat.Q4, ActivationFormat.F32), InlineData(WeightFormat.BF16, ActivationFormat.BF16)]
    public async Task Every_format_of_weights(WeightFormat weights, ActivationFormat activations)
    {
        using var model = LanguageModel.Load(Path.Combine(SharedData.Repository, "weights", "tiny"),
            new ModelOptions { Device = "cpu", ContextLength = 200, WeightFormat = weights, Activations = activations });
        foreach (var prompt in (string[])["Gets the", "Returns a value that indicates whether the specified"])
            await Check(model, model.Tokenizer!.Encode(prompt));
    }

    [Theory]
    [InlineData("q8"), InlineData("q4"), InlineData("q4-rotated"), InlineData("kcvt3"), InlineData("kivi2"), InlineData("gear4")]
    [InlineData("gearl2"), InlineData("kv-16"), InlineData("kv-28"), InlineData("k4v2")]
    public async Task Every_cache(string cache)
    {
        using var folder = new TinyModel();
        using var model = folder.Load(
            new ModelOptions { Device = "cpu", ContextLength = 250, KvCache = KvCacheOptions.Named(cache) });
        foreach (var length in (int[])[3, 63, 64, 150, 242]) await Check(model, TinyModel.Prompt(length, length));
    }

    /// <summary>What fits after the prompt is what drafts have, down to one token and to none.</summary>
    [Fact]
    public async Task At_the_end_of_the_context_drafts_are_shorter()
    {
        using var folder = new TinyModel();
        using var model = folder.Load(new ModelOptions { Device = "cpu", ContextLength = 40 });
        foreach (var method in (DraftsMethod[])[DraftsMethod.Superposed, DraftsMethod.Batched, DraftsMethod.Beam])
        {
            foreach (var length in (int[])[30, 37, 39])
            {
                using var session = model.NewSession();
                var options = new DraftsOptions { Count = 3, MaxTokens = int.MaxValue, Method = method, IgnoreEos = true };
                var last = await session.LastDrafts(TinyModel.Prompt(length), options);
                using var plain = model.NewSession();
                var ids = plain.Ids(TinyModel.Prompt(length), new() { MaxTokens = int.MaxValue, IgnoreEos = true });
                Assert.All(last.Drafts, draft => Assert.Equal((method, length, ids.Length), (method, length, draft.Ids.Count)));
            }
            using var full = model.NewSession();
            foreach (var length in (int[])[40, 41])
            {
                Assert.Contains("no room", Assert.ThrowsAny<ArgumentException>(() =>
                    full.GenerateDraftsAsync(TinyModel.Prompt(length), new() { Method = method }, TestContext.Current.CancellationToken))
                    .Message, StringComparison.Ordinal);
            }
            Assert.ThrowsAny<ArgumentException>(() =>
                full.GenerateDraftsAsync(Array.Empty<int>(), new() { Method = method }, TestContext.Current.CancellationToken));
        }
    }

    private static async Task Check(LanguageModel model, int[] prompt, bool isShort = false)
    {
        using var session = model.NewSession();
        var options = new DraftsOptions { Count = 3, MaxTokens = Tokens, IgnoreEos = true, Mode = DraftsMode.None, Temperature = 1.1f };
        if (isShort) options = options with { MaxTokens = (await session.LastDrafts(prompt, options)).Drafts[0].Ids.Count };
        var tokens = options.MaxTokens;
        var greedy = session.Ids(prompt, new() { MaxTokens = tokens, IgnoreEos = true });
        foreach (var method in (DraftsMethod[])[DraftsMethod.Superposed, DraftsMethod.Beam])
        {
            var one = await session.LastDrafts(prompt, options with { Count = 1, Method = method });
            Assert.Equal(greedy, one.Drafts.Single().Ids);
        }
        var batched = (await session.LastDrafts(prompt, options with { Method = DraftsMethod.Batched })).Drafts;
        var alone = new Dictionary<string, double>();
        for (var i = 0ul; i < 3; i++)
        {
            using var fork = session.Fork();
            var pieces = fork.Pieces(prompt,
                new() { MaxTokens = tokens, IgnoreEos = true, Temperature = 1.1f, TopP = options.TopP, Seed = i, LogProbs = 0 });
            alone[string.Join(' ', pieces.Select(piece => piece.TokenId))] = pieces.Sum(piece => (double)piece.LogProbs!.Chosen);
        }
        Assert.Equal(alone.Keys.Order(StringComparer.Ordinal),
            batched.Select(draft => draft.Key()).Distinct().Order(StringComparer.Ordinal));
        Assert.All(batched, draft => Assert.Equal(alone[draft.Key()], draft.LogScore, 1e-4));
        var kinds = new[]
        {
            options with { Method = DraftsMethod.Superposed }, options with { Method = DraftsMethod.Beam, Count = 4 },
            options with { Method = DraftsMethod.Superposed, SuperposedTemperature = 1, Reset = DraftsReset.Hard, ResetEvery = 3 },
            options with { Method = DraftsMethod.Batched, Distinct = true }, options with { Prefixes = 2, PrefixTokens = 2 },
        };
        if (tokens < 3) kinds = kinds[..4];
        foreach (var kind in kinds) await CheckAmongOthers(model, session, prompt, kind);
        await CheckReset(model, prompt, kinds[2] with { StopsEarly = false });
        // More rows than windows and exact ends of caches have, and than a step may append at once.
        var far = Math.Min(model.ContextLength - prompt.Length - 3, 80);
        if (far >= 30 && !isShort)
            await CheckReset(model, prompt, kinds[2] with { StopsEarly = false, ResetEvery = far, MaxTokens = far + 3 });
    }

    /// <summary>The same drafts while another session decodes; and those of a session that has nothing yet.</summary>
    private static async Task CheckAmongOthers(LanguageModel model, Session session, int[] prompt, DraftsOptions options)
    {
        var expected = (await session.AllDrafts(prompt, options)).Select(Shown).ToArray();
        Assert.All((await session.LastDrafts(prompt, options)).Drafts, draft => Assert.InRange(draft.Ids.Count, 1, Tokens));
        using var other = model.NewSession();
        using var again = model.NewSession();
        var decoding = Task.Run(() => other.Ids(prompt, new() { MaxTokens = Tokens + 4, IgnoreEos = true, Temperature = 1 }));
        Assert.Equal(expected, (await again.AllDrafts(prompt, options)).Select(Shown));
        await decoding;
    }

    /// <summary>S15.</summary>
    private static async Task CheckReset(LanguageModel model, int[] prompt, DraftsOptions options)
    {
        var every = options.ResetEvery;
        using var session = model.NewSession();
        var updates = await session.AllDrafts(prompt, options);
        if (updates.Count < every + 3) return;
        int[] chosen = [.. updates[every].Drafts[0].Ids.Take(every)];
        using var other = model.NewSession();
        var next = await other.AllDrafts([.. prompt, .. chosen], options with { MaxTokens = 3, Reset = DraftsReset.None });
        Assert.Equal(next[1].Drafts.Select(draft => draft.Key()),
            updates[every + 1].Drafts.Select(draft => string.Join(' ', draft.Ids.Skip(every))));
    }

    private static string Shown(DraftsUpdate update) =>
        string.Join(" | ", update.Drafts.Concat(update.Ended).Select(draft => $"{draft.Key()} {draft.LogScore:R} {draft.Parent}"));
}
