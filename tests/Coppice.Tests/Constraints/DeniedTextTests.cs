using Coppice.Constraints;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Constraints;

/// <summary>What becomes of denied texts in a generation, with the model that ships with the repository.</summary>
public sealed class DeniedTextTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    private const string Prompt = "Returns the number of";
    private const int Place = 3;

    private static readonly string[] Names = ["none", "auto:guard=false", "suffix:guard=false", "prompt-lookup:guard=false"];

    public static TheoryData<string> Drafters => [.. Names];

    [Theory, MemberData(nameof(Drafters))]
    public void A_mask_takes_another_token_there_and_the_result_says_so(string drafter)
    {
        using var session = tiny.Model.NewSession();
        var options = new GenerationOptions { MaxTokens = 20 };
        var free = Ids(session, options);
        var denied = Ids(session, options with { Deny = Denying(free), Drafter = DrafterOptions.Parse(drafter) });
        Assert.Equal(free[..Place], denied[..Place]);
        Assert.NotEqual(free[Place], denied[Place]);
        var hit = session.LastResult!.DenyHits[0];
        Assert.Equal((Place, $"{free[Place - 1]},{free[Place]}"), (hit.Position, hit.Label));
        Assert.Equal(Math.Exp(LogProb(free)), hit.Probability, 1e-6);
        Assert.Empty(Result(session, options).DenyHits);
    }

    [Theory, MemberData(nameof(Drafters))]
    public void Backtrack_writes_the_line_anew(string drafter)
    {
        using var session = tiny.Model.NewSession();
        var options = new GenerationOptions { MaxTokens = 20 };
        var free = Ids(session, options);
        var back = options with
        {
            Deny = Denying(free),
            DenyPolicy = DenyPolicy.Backtrack,
            DenyProbability = 0,
            Drafter = DrafterOptions.Parse(drafter),
        };
        var pieces = session.Pieces(tiny.Model.Tokenizer!.Encode(Prompt), back);
        int[] ids = [.. pieces.Select(piece => piece.TokenId)];
        var result = session.LastResult!;
        // The text has one line up to there, so that it begins anew as a whole, with another first token.
        Assert.NotEqual(free[0], ids[0]);
        Assert.DoesNotContain((free[Place - 1], free[Place]), ids.Zip(ids.Skip(1)));
        Assert.Equal(Place, result.DenyHits[0].Position);
        // What was taken back was never given, and what the session holds is what was given.
        Assert.Equal(ids, result.Ids);
        Assert.Equal(result.Text, string.Concat(pieces.Select(piece => piece.Text)));
        Assert.Equal([.. tiny.Model.Tokenizer!.Encode(Prompt), .. ids], session.Tokens);
    }

    /// <summary>The second-best line: the best first token but one, and after it what the model writes without the denied text.</summary>
    [Theory, MemberData(nameof(Drafters))]
    public void Backtrack_takes_the_second_best_line(string drafter)
    {
        using var session = tiny.Model.NewSession();
        var options = new GenerationOptions { MaxTokens = 12 };
        var free = Ids(session, options);
        var denied = Denying(free);
        var second = Ids(session, options with { LogitBias = new Dictionary<int, float> { [free[0]] = float.NegativeInfinity } })[0];
        int[] prompt = [.. tiny.Model.Tokenizer!.Encode(Prompt), second];
        int[] expected = [second, .. session.Ids(prompt, options with { MaxTokens = 11, Deny = denied })];
        var back = options with
        {
            Deny = denied,
            DenyPolicy = DenyPolicy.Backtrack,
            DenyProbability = 0,
            DenyRetries = 1,
            Drafter = DrafterOptions.Parse(drafter),
        };
        Assert.Equal(expected, Ids(session, back));
    }

    /// <summary>What comes after a stop text was never part of the answer, so that it cannot take the answer back.</summary>
    [Fact]
    public void A_line_that_a_stop_text_has_ended_stays()
    {
        using var session = tiny.Model.NewSession();
        var pieces = session.Pieces(tiny.Model.Tokenizer!.Encode(Prompt), new GenerationOptions { MaxTokens = 20 });
        int[] free = [.. pieces.Select(piece => piece.TokenId)];
        var options = new GenerationOptions { MaxTokens = 20, StopSequences = [pieces[Place - 1].Text] };
        var expected = Result(session, options);
        Assert.Equal(FinishReason.Stop, expected.FinishReason);
        var back = Result(session, options with { Deny = Denying(free), DenyPolicy = DenyPolicy.Backtrack, DenyProbability = 0 });
        Assert.Equal((expected.Text, expected.Stop, FinishReason.Stop), (back.Text, back.Stop, back.FinishReason));
        Assert.Equal(expected.Ids, back.Ids);
        Assert.Empty(back.DenyHits);
    }

    [Fact]
    public void Who_goes_away_early_keeps_whole_lines_that_were_shown()
    {
        using var session = tiny.Model.NewSession();
        var prompt = tiny.Model.Tokenizer!.Encode(Prompt);
        var options = new GenerationOptions { MaxTokens = 60 };
        var deny = Denying(Ids(session, options));
        options = options with { Deny = deny, DenyPolicy = DenyPolicy.Backtrack, DenyProbability = 0 };
        var all = Ids(session, options);
        foreach (var taken in (int[])[1, 5, 30])
        {
            var pieces = session.Generate(prompt, options, TestContext.Current.CancellationToken).Take(taken);
            int[] ids = [.. pieces.Select(piece => piece.TokenId)];
            Assert.Equal(all[..taken], ids);
            Assert.Equal([.. prompt, .. ids], session.Tokens);
        }
        Assert.Equal(all, Ids(session, options));
    }

    /// <summary>Sampled drafts too: a hit wherever the model's best token is denied, and nowhere else.</summary>
    [Theory]
    [InlineData("none")]
    [InlineData("rsd-c:branches=2-2-1")]
    public void Hits_are_where_the_model_wanted_what_is_denied(string drafter)
    {
        using var session = tiny.Model.NewSession();
        var prompt = tiny.Model.Tokenizer!.Encode(Prompt);
        var common = Ids(session, new GenerationOptions { MaxTokens = 40 }).CountBy(id => id).OrderByDescending(pair => pair.Value)
            .Take(4).Select(pair => pair.Key).ToHashSet();
        var options = new GenerationOptions
        {
            MaxTokens = 30,
            Temperature = 1,
            Seed = 3,
            Deny = new DenyList(tiny.Model.Vocabulary, ids: common),
            Drafter = DrafterOptions.Parse(drafter),
        };
        var ids = Ids(session, options);
        var hits = session.LastResult!.DenyHits;
        Assert.DoesNotContain(ids, common.Contains);
        int[] expected = [.. Enumerable.Range(0, ids.Length).Where(at => common.Contains(session.Greedy([.. prompt, .. ids[..at]], 1)[0]))];
        Assert.Equal(expected, hits.Select(hit => hit.Position));
        Assert.NotEmpty(hits);
    }

    [Fact]
    public void Every_drafter_writes_the_same_anew()
    {
        using var session = tiny.Model.NewSession();
        var free = Ids(session, new GenerationOptions { MaxTokens = 60 });
        var options = new GenerationOptions
        {
            MaxTokens = 60,
            Deny = Denying(free),
            DenyPolicy = DenyPolicy.Backtrack,
            DenyProbability = .01,
        };
        GenerationOptions[] ways = [options, options with { Temperature = 1, Seed = 5 }];
        foreach (var way in ways)
        {
            var expected = Ids(session, way);
            var hits = session.LastResult!.DenyHits;
            foreach (var drafter in Names)
            {
                Assert.Equal(expected, Ids(session, way with { Drafter = DrafterOptions.Parse(drafter) }));
                Assert.Equal(hits.Select(hit => (hit.Position, hit.Label)),
                    session.LastResult!.DenyHits.Select(hit => (hit.Position, hit.Label)));
            }
        }
    }

    /// <summary>Another constraint leaves no other first token: the line is written as it was, and the denied token is masked.</summary>
    [Fact]
    public void Where_only_the_barred_token_can_begin_the_line_it_does()
    {
        using var session = tiny.Model.NewSession();
        var free = Ids(session, new GenerationOptions { MaxTokens = Place + 1 });
        var other = free[Place] == 65 ? 66 : 65;
        int[][] places = [.. free[..Place].Select(id => new[] { id }), [free[Place], other]];
        var options = new GenerationOptions
        {
            Constraint = vocabulary => new Places(vocabulary, places),
            Deny = Denying(free),
            DenyPolicy = DenyPolicy.Backtrack,
            DenyProbability = 0,
        };
        Assert.Equal([.. free[..Place], other], Ids(session, options));
        Assert.Equal([Place, Place], session.LastResult!.DenyHits.Select(hit => hit.Position));
    }

    [Fact]
    public void What_needs_several_hypotheses_is_refused()
    {
        using var session = tiny.Model.NewSession();
        var deny = new DenyList(tiny.Model.Vocabulary, texts: ["x"]);
        Assert.Throws<ArgumentException>(() => Ids(session, new GenerationOptions { Deny = deny, DenyPolicy = DenyPolicy.PruneBeam }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Ids(session, new GenerationOptions { Deny = deny, DenyProbability = 1.5 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Ids(session, new GenerationOptions { Deny = deny, DenyRetries = -1 }));
    }

    [Theory]
    [InlineData(DenyPolicy.Mask)]
    [InlineData(DenyPolicy.PruneBeam)]
    public async Task Beams_have_no_denied_text_and_keep_the_models_own_scores(DenyPolicy policy)
    {
        using var session = tiny.Model.NewSession();
        var prompt = tiny.Model.Tokenizer!.Encode(Prompt);
        var greedy = Ids(session, new GenerationOptions { MaxTokens = 2 });
        var options = new DraftsOptions { Method = DraftsMethod.Beam, Count = 4, MaxTokens = 6 };
        Assert.Contains((await Beams(session, options)).Drafts, HasPair);
        var deny = new DenyList(tiny.Model.Vocabulary, sequences: [greedy]);
        var last = await Beams(session, options with { Deny = deny, DenyPolicy = policy });
        Assert.Equal(4, last.Drafts.Count);
        Assert.DoesNotContain(last.Drafts, HasPair);
        Assert.Equal(last.Drafts.OrderByDescending(draft => draft.LogScore / draft.Ids.Count), last.Drafts);
        using var scorer = new Scorer(tiny.Model);
        foreach (var draft in last.Drafts)
        {
            var own = scorer.LogProbabilities(new ScoredText(prompt, draft.Ids), TestContext.Current.CancellationToken);
            Assert.Equal(own.Sum(), draft.LogScore, 1e-3);
        }
        var hit = last.DenyHits[0];
        Assert.Equal((1, string.Join(',', greedy)), (hit.Position, hit.Label));
        if (policy == DenyPolicy.PruneBeam) Assert.DoesNotContain(last.Drafts, draft => draft.Ids[0] == greedy[0]);

        bool HasPair(Draft draft) => draft.Ids.Zip(draft.Ids.Skip(1)).Contains((greedy[0], greedy[1]));
    }

    [Fact]
    public void Drafts_take_a_deny_list_by_beam_search_only()
    {
        using var session = tiny.Model.NewSession();
        var cancellation = TestContext.Current.CancellationToken;
        var beam = new DraftsOptions { Method = DraftsMethod.Beam, Deny = new DenyList(tiny.Model.Vocabulary, texts: ["x"]) };
        Assert.Throws<ArgumentException>(() => session.GenerateDraftsAsync(Prompt, beam with { Method = DraftsMethod.Batched },
            cancellation));
        var back = beam with { DenyPolicy = DenyPolicy.Backtrack };
        Assert.Throws<ArgumentOutOfRangeException>(() => session.GenerateDraftsAsync(Prompt, back, cancellation));
    }

    private static async Task<DraftsUpdate> Beams(Session session, DraftsOptions options)
    {
        DraftsUpdate? last = null;
        await foreach (var update in session.GenerateDraftsAsync(Prompt, options, TestContext.Current.CancellationToken)) last = update;
        return last!;
    }

    /// <summary>Denies the token at <see cref="Place"/> after the one before it.</summary>
    private DenyList Denying(int[] free) => new(tiny.Model.Vocabulary, sequences: [[free[Place - 1], free[Place]]]);

    private double LogProb(int[] free)
    {
        using var session = tiny.Model.NewSession();
        var pieces = session.Pieces(tiny.Model.Tokenizer!.Encode(Prompt), new GenerationOptions { MaxTokens = Place + 1, LogProbs = 0 });
        Assert.Equal(free[Place], pieces[Place].TokenId);
        return pieces[Place].LogProbs!.Chosen;
    }

    private GenerationResult Result(Session session, GenerationOptions options)
    {
        Ids(session, options);
        return session.LastResult!;
    }

    private int[] Ids(Session session, GenerationOptions options) => session.Ids(tiny.Model.Tokenizer!.Encode(Prompt), options);
}
