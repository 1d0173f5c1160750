using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>Speculation changes the number of passes and nothing else.</summary>
public sealed class SpeculationIdentityTests
{
    public static TheoryData<string> Families => TinyFamilies.Names;

    /// <summary>Proposes a tree in which the true continuation occurs up to a depth that changes, among wrong tokens.</summary>
    private sealed class OracleDrafter(int[] truth, int seed) : Drafter
    {
        private readonly Random _random = new(seed);

        public override void Draft(in DraftRequest request, TokenTree tree)
        {
            var node = 0;
            for (var depth = 0; depth < Math.Min(request.MaxDepth, _random.Next(6)); depth++)
            {
                for (var wrong = _random.Next(3); wrong > 0; wrong--) tree.Add(node, _random.Next(96));
                var next = request.Tokens.Length + depth;
                node = tree.Add(node, next < truth.Length ? truth[next] : 3);
                tree.Add(node, _random.Next(96));
                if (depth + 2 > request.MaxDepth) return;
            }
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void Speculative_text_equals_plain_text_greedy_and_sampled(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var model = folder.Load();
        var prompt = TinyModel.Prompt(40);
        foreach (var temperature in (float[])[0, 0.9f])
        {
            var options = new GenerationOptions
            {
                MaxTokens = 60,
                Temperature = temperature,
                TopP = 0.95f,
                RepetitionPenalty = 1.2f,
                Seed = 42,
                IgnoreEos = true
            };
            using var plain = model.NewSession();
            var expected = plain.Ids(prompt, options);
            Assert.Equal(1, plain.LastResult!.MeanAcceptedLength);
            using var session = model.NewSession();
            using var drafter = new OracleDrafter([.. prompt, .. expected], seed: 3);
            session.Drafter = drafter;
            Assert.Equal(expected, session.Ids(prompt, options));
            Assert.True(session.LastResult!.MeanAcceptedLength > 1.5,
                $"the oracle's drafts must be accepted, got {session.LastResult.MeanAcceptedLength} a step");
        }
    }

    [Fact]
    public void A_draft_is_cut_at_the_end_token_and_at_the_limit()
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        var prompt = TinyModel.Prompt(10);
        using var plain = model.NewSession();
        foreach (var limit in (int[])[1, 2, 3, 5, 9])
        {
            var expected = plain.Greedy(prompt, limit);
            using var session = model.NewSession();
            using var drafter = new OracleDrafter([.. prompt, .. plain.Greedy(prompt, 30)], seed: 1);
            session.Drafter = drafter;
            Assert.Equal(expected, session.Greedy(prompt, limit));
            Assert.Equal(prompt.Length + expected.Length, session.Tokens.Count);
        }
    }
}
