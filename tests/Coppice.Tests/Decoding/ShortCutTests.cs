using Coppice.Decoding;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>
/// Whole texts chosen among a row's largest logits and from whole rows: the same tokens, with processors that read ids, and with drafts.
/// </summary>
public sealed class ShortCutTests : IDisposable
{
    private const int Tokens = 60;
    private static readonly int[] Prompt = TinyModel.Prompt(30);

    private static readonly Dictionary<string, (LogitsProcessor[] Chain, bool Greedy)> Chains = new()
    {
        ["greedy"] = ([], true),
        ["greedy, even ids"] = ([new EvenIds()], true),
        ["greedy, ids of the last"] = ([new UnlikeTheLast()], true),
        ["even ids, top-k"] = ([new EvenIds(), new Temperature(1.3f), new TopK(8)], false),
        ["ids of the last, penalty, top-k, top-p"] =
            ([new RepetitionPenalty(1.2f, 8), new UnlikeTheLast(), new Temperature(0.8f), new TopK(12), new TopP(0.9)], false),
    };

    private readonly TinyModel _folder = new();

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            string[] drafters = ["none", "suffix:guard=false", "auto:guard=false", "token-recycling:tree=template,guard=false"];
            foreach (var chain in Chains.Keys)
            {
                foreach (var drafter in drafters) cases.Add(chain, drafter);
            }
            return cases;
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(Cases))]
    public void The_largest_logits_give_the_text_that_whole_rows_give(string name, string drafter)
    {
        using var model = _folder.Load();
        var (chain, greedy) = Chains[name];
        var enough = Sampler.Enough(chain, greedy ? 1 : 12);
        Assert.InRange(enough, 1, Sampler.MostCandidates);
        var whole = Text(model, "none", new Sampler(chain, greedy, 5) { Candidates = 0 });
        Assert.Equal(Tokens, whole.Length);
        Assert.True(whole.Distinct().Count() > 2, string.Join(' ', whole));
        // With too few of them they seldom decide, and the row is asked for.
        foreach (var candidates in new[] { enough, 2, 0 })
        {
            if (candidates == 2 && !greedy) continue;       // a top-k among fewer than k is none
            Assert.Equal(whole, Text(model, drafter, new Sampler(chain, greedy, 5) { Candidates = candidates }));
        }
    }

    private static int[] Text(LanguageModel model, string drafter, Sampler sampler)
    {
        using var sequence = new Sequence(model.Runner);
        using var proposing = DrafterOptions.Parse(drafter).Create(model.DraftContext.In(new CacheScope("text")));
        sequence.Begin(Prompt, new DecodingOptions(sampler, proposing, new StopRule(Tokens, []), null));
        var text = new TextStream(null, new GenerationOptions());
        var generation = new Generation(model.Scheduler, sequence, model.Decoder, model.Runner.Costs, text);
        var ids = new List<int>();
        while (!generation.IsAtEnd())
        {
            if (generation.TryTake(out var piece)) ids.Add(piece.TokenId);
            else generation.Wait();
        }
        model.Scheduler.Withdraw(generation);
        model.Scheduler.Take(sequence);
        model.Scheduler.Put(sequence, parks: false);
        return [.. ids];
    }

    /// <summary>Bans odd ids. Handed ranks instead of ids, it would ban others.</summary>
    private sealed class EvenIds : LogitsProcessor
    {
        public override bool AllowsCandidates => true;
        public override int MostLowered => 16;

        public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
        {
            for (var i = 0; i < candidates.Logits.Length; i++)
            {
                if (candidates.Id(i) % 2 != 0) candidates.Logits[i] = float.NegativeInfinity;
            }
        }
    }

    /// <summary>Lowers ids that leave the same rest as the last token: what it does depends on the path of a tree.</summary>
    private sealed class UnlikeTheLast : LogitsProcessor
    {
        public override bool AllowsCandidates => true;
        public override int MostLowered => 16;

        public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
        {
            for (var i = 0; i < candidates.Logits.Length; i++)
            {
                if (candidates.Id(i) % 5 == tokens[^1] % 5) candidates.Logits[i] -= 1.5f;
            }
        }
    }
}
