using System.Text;
using Coppice.Constraints.Masks;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Masks near the end of the tokens that are left.</summary>
public sealed class EndingTests
{
    /// <summary>Sixteen kinds of objects, told apart by "kind", each with a part of its own.</summary>
    private static readonly string Alternatives = """{"type":"array","minItems":1,"items":{"oneOf":["""
        + string.Join(',', Enumerable.Range(0, 16).Select(i => """
            {"type":"object","properties":{"kind":{"const":"kN"},"part":{"type":"object","properties":{"name":{"const":"nN"}},
            "additionalProperties":false,"required":["name"]},"extra":{"type":"number"}},"required":["kind"],"additionalProperties":false}
            """.Replace("N", $"{i}", StringComparison.Ordinal)))
        + "]}}";

    private static readonly string[] Schemas =
    [
        """{"type":"string","minLength":30}""",
        """{"type":"object","properties":{"name":{"type":"string","maxLength":9},"na":{"enum":["ab","abc"]}},"required":["name","na"]}""",
        """{"type":"array","items":{"type":"string","pattern":"^(ab|na)+$"},"minItems":2,"uniqueItems":true}""",
        """{"patternProperties":{"^n[a-z]*$":{"type":"integer"}},"additionalProperties":{"type":"boolean"},"minProperties":2}""",
        """{"type":"array","items":{"type":"number","minimum":12.5,"maximum":13},"minItems":3}""",
        Alternatives,
    ];

    public static TheoryData<string> All => [.. Schemas];

    [Theory, MemberData(nameof(All))]
    public void Those_tokens_are_left_after_which_an_end_fits(string schema)
    {
        var vocabulary = Vocabularies.Small;
        foreach (var options in (SchemaOptions[])[new(), new() { WhiteSpace = WhiteSpace.Spaced }, new() { WhiteSpace = WhiteSpace.None }])
            for (var seed = 0; seed < 15; seed++) IsExact(JsonSchema.CompileNew(schema, vocabulary, options), vocabulary, seed, steps: 60);
        IsExact(JsonSchema.CompileNew(schema, vocabulary, new(), usesSlices: false), vocabulary, seed: 0, steps: 60);
    }

    [Fact]
    public void So_are_they_with_the_tokens_of_a_model_and_between_fixed_texts()
    {
        var (_, vocabulary) = Vocabularies.Real();
        foreach (var schema in Schemas) IsExact(JsonSchema.CompileNew(schema, vocabulary, new()), vocabulary, seed: 1, steps: 25);
        FramedValue[] values = [new("call(", Schemas[1], ")")];
        var frame = new FramedValues { Open = "[", Close = "]", Separator = ", ", Repeats = true, Values = values };
        for (var seed = 0; seed < 10; seed++) IsExact(frame.Compile(Vocabularies.Small), Vocabularies.Small, seed, steps: 60);
    }

    [Theory, MemberData(nameof(All))]
    public void What_other_sequences_have_found_out_leaves_no_answer_unfinished(string schema)
    {
        var vocabulary = Vocabularies.Small;
        var grammar = JsonSchema.CompileNew(schema, vocabulary, new());
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var constraint = grammar.CreateConstraint();
            // The first sequences have more tokens than the last: they come to the same places with other parts of a text still to write.
            for (var left = 100 - seed; ; left--)
            {
                var ids = constraint.MaskOf(vocabulary, left).Ids(vocabulary);
                if (left == 0)
                {
                    Assert.True(constraint.CanStop, $"seed {seed}");
                    break;
                }
                var token = ids[random.Next(ids.Length)];
                Assert.True(constraint.TryAdvance(token));
                if (vocabulary.IsEnd(token)) break;
            }
        }
    }

    [Fact]
    public void Lengths_with_the_same_mask_have_ends_of_their_own()
    {
        var grammar = JsonSchema.CompileNew(Schemas[0], Vocabularies.Small, new());
        // The rest of thirty characters by threes, and the quote.
        foreach (var (length, tokens) in ((int, int)[])[(20, 5), (1, 11), (10, 8)])
        {
            Assert.True(grammar.TryStart(Encoding.UTF8.GetBytes($"\"{new string('a', length)}"), out var state));
            Assert.Equal(tokens, grammar.EndingTokens(state));
        }
    }

    [Theory]
    [InlineData("""[{"part":{"name":"n3"},"kind":"k3"}]""", true)]
    [InlineData("""[{"part":{"name":"n3"},"kind":"k4""", false)]
    [InlineData("""[{"part":{"name":"x""", false)]
    [InlineData("""[{"part":[""", false)]
    [InlineData("""[{"extra":1,"part":{"name":"n15"},"kind":"k1""", true)]
    [InlineData("""[{"extra":1,"part":{"name":"n15"},"kind":"k0""", false)]
    public void Of_many_alternatives_none_leads_where_no_end_is(string text, bool isAllowed)
    {
        var grammar = JsonSchema.CompileNew(Alternatives, Vocabularies.Small, new());
        Assert.Equal(isAllowed, grammar.TryStart(Encoding.UTF8.GetBytes(text), out var state));
        if (isAllowed) Assert.NotEqual(int.MaxValue, grammar.EndingTokens(state));
        Assert.Equal(0, grammar.UnknownStates);
    }

    [Fact]
    public void A_text_is_split_into_the_fewest_tokens()
    {
        var vocabulary = Vocabularies.Of("ab", "abc", "cde", "de", "bcdea", "eab");
        var random = new Random(5);
        for (var round = 0; round < 300; round++)
        {
            var (text, parts) = (new StringBuilder(), EndingText.Nothing);
            for (var part = 0; part < 4; part++)
            {
                var piece = new string([.. Enumerable.Range(0, random.Next(5)).Select(_ => (char)random.Next('a', 'f'))]);
                text.Insert(0, piece);
                parts = new EndingText(Encoding.UTF8.GetBytes(piece), parts);
            }
            var whole = text.ToString();
            var fewest = Enumerable.Repeat(1_000, whole.Length).Append(0).ToArray();
            for (var start = whole.Length - 1; start >= 0; start--)
                for (var id = 0; id < vocabulary.Count; id++)
                    if (Encoding.UTF8.GetString(vocabulary.BytesOf(id)) is { Length: > 0 } token
                        && whole.AsSpan(start).StartsWith(token, StringComparison.Ordinal))
                        fewest[start] = Math.Min(fewest[start], fewest[start + token.Length] + 1);
            Assert.Equal((whole.Length, fewest[0]), (parts.Bytes, parts.Tokens(vocabulary.Trie)));
            if (whole.Length == 0) continue;
            var first = Encoding.UTF8.GetString(vocabulary.BytesOf(parts.First(vocabulary.Trie)));
            Assert.StartsWith(first, whole, StringComparison.Ordinal);
            Assert.Equal(fewest[0] - 1, fewest[first.Length]);
        }
    }

    /// <summary>Walks at random; at each step the mask with little room must be what trying each token gives.</summary>
    private static void IsExact(CompiledGrammar grammar, TokenVocabulary vocabulary, int seed, int steps)
    {
        var (random, state, mask) = (new Random(seed), grammar.Automaton.Start, new ulong[vocabulary.MaskWords]);
        for (var step = 0; step < steps; step++)
        {
            grammar.Mask(state).CopyTo(mask);
            var ids = mask.Ids(vocabulary);
            var room = Math.Max(grammar.EndingTokens(state) - 2, 0) + random.Next(8);
            var expected = Array.FindAll(ids, id =>
                vocabulary.IsEnd(id) || (grammar.TryAdvance(state, id, out var next) && grammar.EndingTokens(next) <= room));
            grammar.KeepEndable(state, mask, room);
            if (expected.Length > 0) Assert.Equal(expected, mask.Ids(vocabulary));
            else Assert.Single(mask.Ids(vocabulary));
            var open = ids.Where(id => !vocabulary.IsEnd(id)).ToArray();
            if (open.Length == 0) break;
            Assert.True(grammar.TryAdvance(state, open[random.Next(open.Length)], out state));
        }
    }
}
