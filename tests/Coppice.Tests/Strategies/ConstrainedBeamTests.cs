using Coppice.Constraints;
using Coppice.Tests.Constraints;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Strategies;

/// <summary>Beam search under constraints, with the model that ships with the repository.</summary>
public sealed class ConstrainedBeamTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    private const string Prompt = "Returns the number of";

    private static readonly GenerationOptions[] Held =
    [
        new() { Schema = ConstrainedTextTests.Schema, MaxTokens = 120 },
        new() { Schema = """{"type":"integer","minimum":10,"maximum":99}""" },
        new() { Regex = "[a-z]{3}( [a-z]{2,4}){1,3}\\." },
        new() { Choices = ["elements in the list", "elements in the map", "characters"] },
        new() { Grammar = """root ::= "{" [a-c]{2,9} "}" """, MaxTokens = 8 },
        new() { Regex = "[0-9]+", ConstraintTrigger = "the", MaxTokens = 40 },
    ];

    /// <summary>With what is forced, and where nothing may follow any more.</summary>
    [Fact]
    public void One_beam_is_greedy_decoding_under_the_same_constraint()
    {
        using var session = tiny.Model.NewSession();
        var deny = new DenyList(tiny.Model.Vocabulary, texts: [" element", "e "], sequences: [session.Greedy(Ids(), 2)]);
        GenerationOptions[] all = [.. Held, .. Held.Select(held => held with { Deny = deny }), new() { Deny = deny, MaxTokens = 20 }];
        foreach (var options in all)
        {
            var greedy = session.Ids(Ids(), options);
            var expected = session.LastResult!;
            Assert.Equal(greedy, session.Ids(Ids(), options with { Strategy = new BeamSearchOptions { Beams = 1 } }));
            var found = session.LastResult!;
            Assert.Equal((expected.Text, expected.FinishReason), (found.Text, found.FinishReason));
            Assert.Equal(expected.DenyHits, found.DenyHits);
        }
    }

    /// <summary>A mask takes away and raises nothing: each beam's score is what the model itself gives its tokens.</summary>
    [Fact]
    public void Beams_keep_to_the_constraint_and_to_the_models_own_scores()
    {
        using var session = tiny.Model.NewSession();
        using var scorer = new Scorer(tiny.Model);
        foreach (var options in Held)
        {
            var text = session.Text(Ids(), options with { Strategy = new BeamSearchOptions { Beams = 4 } });
            var result = session.LastResult!;
            Assert.NotEmpty(result.Sequences);
            Assert.Equal(text, result.Sequences[0].Text);
            Assert.Equal(result.Sequences.OrderByDescending(beam => beam.Score), result.Sequences);
            foreach (var beam in result.Sequences)
            {
                if (beam.FinishReason != FinishReason.Length) AssertFits(options, beam.Text);
                // The end is not among the tokens where the constraint itself ends the text.
                var own = scorer.LogProbabilities(new ScoredText(Ids(), beam.Ids), TestContext.Current.CancellationToken);
                Assert.Equal(own.Sum(), beam.LogProbability, 1e-3);
            }
        }
    }

    [Fact]
    public void Wide_beams_find_the_most_probable_of_all_texts_that_are_allowed()
    {
        using var session = tiny.Model.NewSession();
        using var scorer = new Scorer(tiny.Model);
        int[][] places = [[40, 41, 42], [50, 51], [60, 61, 62, 63]];
        int[][] all = [.. from a in places[0] from b in places[1] from c in places[2] select new[] { a, b, c }];
        var ranked = all.OrderByDescending(
            ids => scorer.LogProbabilities(new ScoredText(Ids(), ids), TestContext.Current.CancellationToken).Sum());
        session.Ids(Ids(), new()
        {
            MaxTokens = 5,
            Constraint = vocabulary => new Places(vocabulary, places),
            Strategy = new BeamSearchOptions { Beams = all.Length, LengthPenalty = 0 },
        });
        var found = session.LastResult!.Sequences;
        Assert.Equal(ranked.Select(ids => string.Join(' ', ids)), found.Select(beam => string.Join(' ', beam.Ids)));
        Assert.All(found, beam => Assert.Equal(FinishReason.Stop, beam.FinishReason));
    }

    /// <summary>Four hypotheses without the label, in the order of the model's own log-probabilities.</summary>
    [Theory]
    [InlineData(DenyPolicy.Mask)]
    [InlineData(DenyPolicy.PruneBeam)]
    public void Four_beams_are_free_of_what_is_denied(DenyPolicy policy)
    {
        using var session = tiny.Model.NewSession();
        var greedy = session.Greedy(Ids(), 4);
        var label = tiny.Model.Tokenizer!.Decode(greedy.AsSpan(2));
        var options = new GenerationOptions
        {
            MaxTokens = 8,
            IgnoreEos = true,
            Deny = new DenyList(tiny.Model.Vocabulary, texts: [label]),
            DenyPolicy = policy,
            Strategy = new BeamSearchOptions { Beams = 4 },
        };
        session.Ids(Ids(), options with { Deny = null, DenyPolicy = DenyPolicy.Mask });
        Assert.Contains(session.LastResult!.Sequences, beam => beam.Text.Contains(label, StringComparison.Ordinal));
        session.Ids(Ids(), options);
        var result = session.LastResult!;
        Assert.Equal(4, result.Sequences.Count);
        Assert.All(result.Sequences, beam => Assert.DoesNotContain(label, beam.Text, StringComparison.Ordinal));
        Assert.Equal(result.Sequences.OrderByDescending(beam => beam.LogProbability), result.Sequences);
        Assert.Contains(result.DenyHits, hit => hit.Label == label);
    }

    /// <summary>A beam ends where a constraint and a deny list leave nothing; where all do, that is said.</summary>
    [Fact]
    public void Beams_without_a_way_on_are_let_go()
    {
        using var session = tiny.Model.NewSession();
        var options = new GenerationOptions { Choices = ["red", "green"], Strategy = new BeamSearchOptions { Beams = 3 } };
        var green = options with { Deny = new DenyList(tiny.Model.Vocabulary, texts: ["ed"]) };
        Assert.Equal("green", session.Text(Ids(), green));
        Assert.All(session.LastResult!.Sequences, beam => Assert.Equal("green", beam.Text));
        var none = options with { Deny = new DenyList(tiny.Model.Vocabulary, texts: ["ed", "reen"]) };
        Assert.Throws<NoValidTokenException>(() => session.Ids(Ids(), none));
    }

    [Fact]
    public void A_constraint_that_waits_is_refused_by_name()
    {
        using var session = tiny.Model.NewSession();
        var error = Assert.Throws<ArgumentException>(() => session.Ids(Ids(), new()
        {
            Constraint = vocabulary => new MonitorConstraint(vocabulary, NameMonitor.Dereference((_, _) => default), Prompt),
            Strategy = new BeamSearchOptions(),
        }));
        Assert.Contains("MayWait and the strategy beam exclude each other", error.Message, StringComparison.Ordinal);
        Assert.Equal(4, session.Greedy(Ids(), 4).Length);
    }

    private int[] Ids() => tiny.Model.Tokenizer!.Encode(Prompt);

    private static void AssertFits(GenerationOptions options, string text)
    {
        if (options.Schema == ConstrainedTextTests.Schema) ConstrainedTextTests.AssertInstance(text);
        else if (options.Schema is not null) Assert.InRange(int.Parse(text, System.Globalization.CultureInfo.InvariantCulture), 10, 99);
        else if (options.Choices.Count > 0) Assert.Contains(text, options.Choices);
        else if (options.Grammar is not null) Assert.Matches(@"^\{[a-c]{2,9}\}$", text);
        else Assert.Matches(options.ConstraintTrigger is { } trigger ? trigger + options.Regex + "$" : $"^{options.Regex}$", text);
    }
}
