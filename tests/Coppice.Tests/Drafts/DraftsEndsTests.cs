using Coppice.Decoding.Strategies;
using Coppice.Decoding.Verification;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>Few drafts, few choices, ends: one draft is the greedy text, and different drafts are as many as were asked for.</summary>
public sealed class DraftsEndsTests : IDisposable
{
    private readonly TinyModel _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    /// <summary>S01, past the end of the text: what goes on after it is no better however long it is.</summary>
    [Theory, InlineData(DraftsMethod.Superposed), InlineData(DraftsMethod.Beam), InlineData(DraftsMethod.Auto)]
    public async Task One_draft_is_the_greedy_text_also_where_that_ends(DraftsMethod method)
    {
        using var model = _folder.Load();
        for (var seed = 0; seed < 12; seed++)
        {
            var prompt = TinyModel.Prompt(5 + seed, seed);
            using var session = model.NewSession();
            var free = session.Ids(prompt, new() { MaxTokens = 14, IgnoreEos = true });
            var end = free[seed % 5];
            var greedy = session.Ids(prompt, new() { MaxTokens = 14, EndIds = [end] });
            var options = new DraftsOptions
            {
                Count = 1,
                MaxTokens = 14,
                Method = method,
                Mode = DraftsMode.None,
                SuperposedTemperature = 1,
                EndIds = [end],
            };
            var last = await session.LastDrafts(prompt, options);
            Assert.Equal(greedy, last.Drafts.Single().Ids);
        }
    }

    /// <summary>A model that is sure still gives a list of choices, where drafts are to differ.</summary>
    [Theory, InlineData(0), InlineData(1), InlineData(2)]
    public void Different_drafts_are_as_many_as_were_asked_for(int ends)
    {
        var rules = new SuperposedRules
        {
            Count = 3,
            Candidates = 9,
            Temperature = .06,
            MinLogProb = -50,
            Diverse = true,
            Stop = new StopRule(9, [.. Enumerable.Range(11, ends)]),
        };
        var search = new SuperposedSearch(rules, null, new[] { 1 });
        search.Step([10, 11, 12, 13, 14, 15, 16, 17, 18], [20, 5, 4, 3, 2, 1, 0, 0, 0]);
        Assert.Equal(3, search.Alive.Select(draft => draft.Tokens[0]).Distinct().Count());
        search.Step([10, 11, 12, 13, 14, 15, 16, 17, 18], [20, 5, 4, 3, 2, 1, 0, 0, 0]);
        Assert.Equal(3, search.Alive.Select(draft => draft.Tokens[0]).Distinct().Count());
        Assert.All(search.Alive, draft => Assert.Equal(10, draft.Tokens[1]));
        // Drafts that were collapsed into one differ by the token after that.
        search.Collapse(0);
        search.Step([10, 11, 12, 13, 14, 15, 16, 17, 18], [20, 5, 4, 3, 2, 1, 0, 0, 0]);
        Assert.Equal(3, search.Alive.Select(draft => draft.Tokens[2]).Distinct().Count());
        var weights = search.Mixture().Weights;
        Assert.Equal(1, weights.Sum(), 1e-6f);
    }

    /// <summary>What only one method has is not passed over in silence.</summary>
    [Fact]
    public async Task Options_of_one_method_choose_it_or_are_refused()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var cases = new (DraftsOptions Options, DraftsMethod Method, string Name)[]
        {
            (new() { Diversity = true }, DraftsMethod.Superposed, "Diversity"),
            (new() { Reset = DraftsReset.Soft }, DraftsMethod.Superposed, "Reset"),
            (new() { Prefixes = 2 }, DraftsMethod.Superposed, "Prefixes"),
            (new() { Distinct = true }, DraftsMethod.Batched, "Distinct"),
        };
        foreach (var (options, method, name) in cases)
        {
            Assert.Equal(method, (await session.LastDrafts([1, 2, 3], options)).Method);
            foreach (var other in Enum.GetValues<DraftsMethod>())
            {
                if (other is DraftsMethod.Auto || other == method) continue;
                var refused = Assert.Throws<ArgumentException>(() =>
                    session.GenerateDraftsAsync([1, 2, 3], options with { Method = other }, Cancellation));
                Assert.Equal($"options: {name} needs Method to be {method}, got {other}.", refused.Message);
            }
        }
        foreach (var options in (DraftsOptions[])[
            new() { NGramFile = "missing.bin" }, new() { Mode = DraftsMode.Geometric }])
        {
            Assert.Contains("superposed", (await Assert.ThrowsAnyAsync<Exception>(() =>
                session.LastDrafts([1, 2, 3], options with { Method = DraftsMethod.Beam }))).Message, StringComparison.OrdinalIgnoreCase);
            // Auto does not take beams and forget the file.
            await Assert.ThrowsAnyAsync<Exception>(() => session.LastDrafts([1, 2, 3], options));
        }
        Assert.Contains("one of them", Assert.Throws<ArgumentException>(() =>
            session.GenerateDraftsAsync([1, 2], new() { Distinct = true, Diversity = true }, Cancellation)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Weights_that_are_infinite_together_are_refused()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            session.GenerateDraftsAsync([1, 2], new() { NGramOrderWeights = [1e308, 1e308] }, Cancellation));
        // As many end tokens as no pass gives candidates for: the message names what was set.
        var ends = new DraftsOptions { Count = 32, EndIds = [.. Enumerable.Range(20, 40)], Method = DraftsMethod.Superposed };
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => session.LastDrafts([2, 3], ends));
        Assert.Contains("Count and the tokens that end a text", refused.Message, StringComparison.Ordinal);
    }
}
