using System.Text.Json;
using Coppice.Constraints;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Constraints;

/// <summary>Generation under a schema, grammar, pattern or list, with the model that ships with the repository.</summary>
public sealed class ConstrainedTextTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    internal const string Schema = """
        {"type":"object","properties":{"the_name_of_it":{"type":"string","maxLength":12},"count":{"type":"integer","minimum":0,"maximum":999},
        "kind":{"enum":["method","property","constructor"]},"tags":{"type":"array","items":{"enum":["public","static"]},"maxItems":3,"uniqueItems":true}},
        "required":["the_name_of_it","count","kind"],"additionalProperties":false}
        """;

    private const string Prompt = "Returns the number of";

    public sealed class Tiny : IDisposable
    {
        public LanguageModel Model { get; } = LanguageModel.Load(Path.Combine(SharedData.Repository, "weights", "tiny"),
            new ModelOptions { Device = "cpu", Threads = 1, ContextLength = 512 });

        public void Dispose() => Model.Dispose();
    }

    public static TheoryData<string> Drafters =>
        ["auto", "auto:nodes=96", "prompt-lookup", "prompt-lookup:length=31,max-match=2", "suffix", "token-recycling",
            "token-recycling:tree=template", "aded"];

    public static TheoryData<string> ModelDrafters =>
        ["draft-model:branches=1,depth=3", "draft-model:nodes=9,branches=3", "rsd-c:branches=2-2-1", "rsd-s:width=3,length=3",
            "dyspec:nodes=8", "rasd:nodes=4", "rasd:nodes=4,sampled=true"];

    private static IEnumerable<GenerationOptions> Ways =>
    [
        new(),
        new() { Temperature = 1, Seed = 7 },
        new() { Temperature = 1.5f, TopK = 20, Seed = 11 },
        new() { Temperature = 1, TopP = .9f, MinP = .01f, RepetitionPenalty = 1.2f, FrequencyPenalty = .5f, Seed = 3 },
        new() { RepetitionPenalty = 1.3f, PresencePenalty = 1 },
    ];

    [Fact]
    public void Every_way_of_choosing_gives_an_instance_of_the_schema()
    {
        using var session = tiny.Model.NewSession();
        foreach (var way in Ways)
        {
            var text = Text(session, way with { Schema = Schema, MaxTokens = 120 });
            Assert.Equal(FinishReason.Stop, session.LastResult!.FinishReason);
            AssertInstance(text);
        }
    }

    /// <summary>The shortest answer has some thirty tokens: from there on every budget is enough, and the answer is whole.</summary>
    [Fact]
    public void Answers_are_whole_at_every_budget_that_the_shortest_fits()
    {
        using var session = tiny.Model.NewSession();
        var example = JsonSchema.Example(JsonSchema.Compile(Schema, tiny.Model.Vocabulary))!;
        var shortest = tiny.Model.Tokenizer!.Encode(example, addSpecialTokens: false).Length;
        foreach (var way in Ways)
        {
            for (var budget = shortest + 4; budget < shortest + 60; budget += 7)
                AssertInstance(Text(session, way with { Schema = Schema, MaxTokens = budget }));
        }
    }

    [Theory, MemberData(nameof(Drafters))]
    public void With_every_drafter_the_text_is_that_of_plain_decoding(string drafter)
    {
        using var plain = tiny.Model.NewSession();
        using var drafting = tiny.Model.NewSession();
        foreach (var way in Ways)
        {
            foreach (var budget in (int[])[45, 120])
            {
                var options = way with { Schema = Schema, MaxTokens = budget };
                var expected = Ids(plain, options);
                Assert.Equal(expected, Ids(drafting, options with { Drafter = DrafterOptions.Parse(WithoutGuard(drafter)) }));
            }
        }
    }

    [Theory, MemberData(nameof(ModelDrafters))]
    public void Drafts_of_a_model_keep_to_the_schema_and_greedy_ones_to_the_text(string drafter)
    {
        using var plain = tiny.Model.NewSession();
        using var drafting = tiny.Model.NewSession();
        var draft = DrafterOptions.Parse($"{WithoutGuard(drafter)},model={Path.Combine(SharedData.Repository, "weights", "draft")}");
        foreach (var way in Ways)
        {
            var options = way with { Schema = Schema, MaxTokens = 120 };
            var text = Text(drafting, options with { Drafter = draft });
            AssertInstance(text);
            if (way.Temperature == 0) Assert.Equal(Text(plain, options), text);
        }
    }

    [Fact]
    public void What_is_forced_takes_no_pass_of_its_own()
    {
        using var session = tiny.Model.NewSession();
        AssertInstance(Text(session, new GenerationOptions { Schema = Schema, MaxTokens = 120 }));
        var result = session.LastResult!;
        Assert.True(result.Steps < result.Ids.Count, $"{result.Steps} passes for {result.Ids.Count} tokens");
        // A session goes on after an answer whose last tokens were forced as one does that has read it.
        int[] next = [.. tiny.Model.Tokenizer!.Encode(Prompt), .. result.Ids, 50];
        using var fresh = tiny.Model.NewSession();
        Assert.Equal(fresh.Greedy(next, 10), session.Greedy(next, 10));
    }

    [Fact]
    public void Log_probabilities_change_no_text()
    {
        using var session = tiny.Model.NewSession();
        foreach (var way in Ways)
        {
            var options = way with { Schema = Schema, MaxTokens = 80 };
            var expected = Ids(session, options);
            var pieces = session.Pieces(tiny.Model.Tokenizer!.Encode(Prompt), options with { LogProbs = 2 });
            Assert.Equal(expected, pieces.Select(piece => piece.TokenId));
            Assert.All(pieces, piece => Assert.True(piece.LogProbs!.Chosen <= 0));
        }
    }

    [Fact]
    public void Choices_patterns_and_grammars_are_kept_to()
    {
        using var session = tiny.Model.NewSession();
        foreach (var way in Ways)
        {
            Assert.Contains(Text(session, way with { Choices = ["yes", "no", "maybe so, maybe not"] }),
                (string[])["yes", "no", "maybe so, maybe not"]);
            Assert.Matches("^[0-9]{4}-[A-F]{2}$", Text(session, way with { Regex = "[0-9]{4}-[A-F]{2}" }));
            Assert.Matches("^\\((a|b)*\\)$", Text(session, way with { Grammar = "root ::= \"(\" [ab]{0,8} \")\"" }));
        }
        Assert.Equal("ab", Text(session, new GenerationOptions { Regex = "a[bc]", Choices = ["ab", "ad"] }));
    }

    /// <summary>Lossless with the budget in the middle of a forced stretch too, where every length of the answer is one.</summary>
    [Fact]
    public void A_budget_cuts_forced_text_as_any_other()
    {
        using var session = tiny.Model.NewSession();
        var options = new GenerationOptions { Regex = "one two three four five six seven eight" };
        var whole = Ids(session, options);
        for (var budget = 1; budget <= whole.Length; budget++)
        {
            Assert.Equal(whole[..budget], Ids(session, options with { MaxTokens = budget }));
            Assert.Equal(budget == whole.Length ? FinishReason.Stop : FinishReason.Length, session.LastResult!.FinishReason);
        }
        Assert.Equal(1, session.LastResult!.Steps);
    }

    [Fact]
    public void Where_nothing_is_left_the_error_says_what_the_model_wanted()
    {
        using var session = tiny.Model.NewSession();
        var bans = Enumerable.Range(0, tiny.Model.VocabularySize).ToDictionary(id => id, _ => float.NegativeInfinity);
        var error = Assert.Throws<NoValidTokenException>(() => Text(session,
            new GenerationOptions { Regex = "[ab]{4}", LogitBias = bans }));
        Assert.Equal(tiny.Model.Tokenizer!.Encode(Prompt).Length, error.Position);
        Assert.Equal(5, error.Best.Count);
        Assert.Equal(FinishReason.Error, session.LastResult!.FinishReason);
        Assert.Equal("ab", Text(session, new GenerationOptions { Choices = ["ab"] }));
    }

    [Fact]
    public void A_schema_that_cannot_be_compiled_is_an_error_of_the_generation()
    {
        using var session = tiny.Model.NewSession();
        Assert.Throws<ConstraintException>(() => Text(session, new GenerationOptions { Schema = """{"type":"text"}""" }));
        Assert.Throws<ConstraintException>(() => Text(session, new GenerationOptions { Schema = """{"not":{}}""" }));
        Assert.Throws<ConstraintException>(() => Text(session, new GenerationOptions { Grammar = "root ::= missing" }));
        Assert.Equal("x", Text(session, new GenerationOptions { Regex = "x" }));
    }

    [Fact]
    public async Task Others_in_the_same_passes_change_nothing()
    {
        var ways = Ways.Select(way => way with { Schema = Schema, MaxTokens = 80 }).Concat(Ways.Select(way => way with { MaxTokens = 40 }))
            .ToArray();
        using var alone = tiny.Model.NewSession();
        var expected = ways.Select(way => Ids(alone, way)).ToArray();
        var together = await Task.WhenAll(ways.Select(async way =>
        {
            using var session = tiny.Model.NewSession();
            var ids = new List<int>();
            await foreach (var piece in session.GenerateAsync(Prompt, way with { Drafter = new AutoDrafterOptions() },
                TestContext.Current.CancellationToken))
                ids.Add(piece.TokenId);
            return ids.ToArray();
        }));
        Assert.Equal(expected, together);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Nothing_is_allocated_per_token(bool drafts)
    {
        using var session = tiny.Model.NewSession();
        // What must not be repeated is kept, so that "uniqueItems" costs memory.
        var schema = Schema.Replace(",\"uniqueItems\":true", "", StringComparison.Ordinal);
        var options = new GenerationOptions
        {
            Schema = schema,
            MaxTokens = 100,
            Drafter = drafts
            ? DrafterOptions.Parse("auto:guard=false") : DrafterOptions.None
        };
        Assert.Equal(0, session.AllocatedBytesPerToken(tiny.Model.Tokenizer!.Encode(Prompt), options));
    }

    [Fact]
    public void Ignored_end_tokens_end_nothing_and_the_whole_text_does()
    {
        using var session = tiny.Model.NewSession();
        AssertInstance(Text(session, new GenerationOptions { Schema = Schema, MaxTokens = 120, IgnoreEos = true }));
        Assert.Equal(FinishReason.Stop, session.LastResult!.FinishReason);
        // A number may go on: without an end token only the budget ends it.
        Assert.Matches("^[0-9]+$", Text(session, new GenerationOptions { Regex = "[0-9]+", MaxTokens = 20, IgnoreEos = true }));
        Assert.Equal(FinishReason.Length, session.LastResult!.FinishReason);
    }

    [Fact]
    public void A_trigger_begins_what_is_held_to()
    {
        using var session = tiny.Model.NewSession();
        foreach (var way in Ways)
        {
            var options = way with { MaxTokens = 60, Regex = "[0-9]{3}!", ConstraintTrigger = " " };
            var text = Text(session, options);
            var at = text.IndexOf(' ', StringComparison.Ordinal);
            if (at >= 0) Assert.Matches("^[0-9]{3}!$", text[(at + 1)..]);
            Assert.Equal(Ids(session, options), Ids(session, options with { Drafter = DrafterOptions.Parse("auto:guard=false") }));
        }
        // A model that would never write the trigger is not held to anything.
        Assert.Equal(Text(session, new GenerationOptions { MaxTokens = 20 }),
            Text(session, new GenerationOptions { MaxTokens = 20, Regex = "x", ConstraintTrigger = "☃☃" }));
    }

    [Fact]
    public void What_is_denied_does_not_come_however_it_is_split()
    {
        using var session = tiny.Model.NewSession();
        var free = Text(session, new GenerationOptions { MaxTokens = 40 });
        var word = free.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1][..2];
        var deny = new DenyList(tiny.Model.Vocabulary, texts: [word]);
        foreach (var way in Ways)
        {
            var options = way with { MaxTokens = 40, Deny = deny };
            Assert.DoesNotContain(word, Text(session, options), StringComparison.Ordinal);
            Assert.Equal(Ids(session, options), Ids(session, options with { Drafter = DrafterOptions.Parse("auto:guard=false") }));
            // Together with a schema both hold.
            Assert.Equal("bbb", Text(session, way with { Regex = "[ab]{3}", Deny = new DenyList(tiny.Model.Vocabulary, texts: ["a"]) }));
        }
    }

    private static string WithoutGuard(string drafter) =>
        $"{drafter}{(drafter.Contains(':', StringComparison.Ordinal) ? ',' : ':')}guard=false";

    private static string Text(Session session, GenerationOptions options) =>
        string.Concat(session.Generate(Prompt, options, TestContext.Current.CancellationToken).Select(piece => piece.Text));

    private int[] Ids(Session session, GenerationOptions options) => session.Ids(tiny.Model.Tokenizer!.Encode(Prompt), options);

    internal static void AssertInstance(string text)
    {
        using var document = JsonDocument.Parse(text);
        var root = document.RootElement;
        Assert.True(root.GetProperty("the_name_of_it").GetString()!.EnumerateRunes().Count() <= 12);
        Assert.InRange(root.GetProperty("count").GetDouble(), 0, 999);
        Assert.Contains(root.GetProperty("kind").GetString(), (string[])["method", "property", "constructor"]);
        if (!root.TryGetProperty("tags", out var tags)) return;
        string[] all = [.. tags.EnumerateArray().Select(tag => tag.GetString()!)];
        Assert.True(all.Length <= 2 && all.Distinct().Count() == all.Length && all.All(tag => tag is "public" or "static"));
    }
}
