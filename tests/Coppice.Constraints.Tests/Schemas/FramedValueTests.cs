using System.Text;
using System.Text.Json;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Fixed texts with values of schemas in them: what the masks let through is read back by hand.</summary>
public sealed class FramedValueTests
{
    private const string Flag =
        """{"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": false}""";
    private const string Count =
        """{"type": "object", "properties": {"n": {"enum": [1, 12]}}, "required": ["n"], "additionalProperties": false}""";

    private static readonly SchemaOptions Spaced = new() { WhiteSpace = WhiteSpace.Spaced, PlainIntegers = true };

    private static readonly FramedValues Calls = new()
    {
        Open = "<",
        Values = [new("get ", Flag, "!"), new("getter ", Count, "?")],
        Separator = ", ",
        Close = ">",
        Repeats = true,
    };

    [Theory]
    [InlineData("<get {\"a\": true}!>", true)]
    [InlineData("<getter {\"n\": 12}?>", true)]
    [InlineData("<get {\"a\": true}!, getter {\"n\": 1}?, get {\"a\": false}!>", true)]
    [InlineData("<get {\"n\": 1}!>", false)]
    [InlineData("<get {\"a\": true}?>", false)]
    [InlineData("<get {\"a\": true}!", false)]
    [InlineData("<>", false)]
    [InlineData("<get {\"a\": true}!>>", false)]
    public void Texts_are_accepted_whole(string text, bool expected) =>
        Assert.Equal(expected, Calls.Compile(Vocabularies.Small, Spaced).Accepts(Encoding.UTF8.GetBytes(text)));

    /// <summary>Strings and names in a value are masked by parts, which know nothing of the text around it.</summary>
    [Fact]
    public void Masks_are_what_trying_each_token_gives()
    {
        const string strings = """
            {"type": "object", "properties": {"name": {"type": "string", "maxLength": 4}, "ab": {"enum": ["ab", "abc"]},
            "a": {"type": "string"}}, "required": ["name"], "additionalProperties": false}
            """;
        var vocabulary = Vocabularies.Of("ab", "abc", "a\"", "\"}", "\"}!", "\"}!>", "\"!, ", "\", \"a", "na", "name", "name\": \"",
            "\"x", "\\\"", "<get {\"", "é", "b\"}!, get {");
        var calls = new FramedValues
        {
            Open = "<",
            Values = [new("get ", strings, "!"), new("text ", """{"type": ["string", "integer"], "minLength": 2}""", "!")],
            Separator = ", ",
            Close = ">",
            Repeats = true,
            Alternative = """{"type": "array", "items": {"type": "string"}}""",
        };
        var grammar = calls.Compile(vocabulary, Spaced);
        var random = new Random(3);
        var inStrings = 0;
        for (var walk = 0; walk < 150; walk++)
        {
            var constraint = grammar.CreateConstraint();
            for (var step = 0; step < 40; step++)
            {
                var mask = constraint.MaskOf(vocabulary);
                var near = constraint.MaskOf(vocabulary, 60 - step);
                var position = constraint.Position;
                for (var id = 0; id < vocabulary.Count; id++)
                {
                    Assert.Equal(mask.Has(id), constraint.TryAdvance(id));
                    constraint.Rollback(position);
                    Assert.True(mask.Has(id) || !near.Has(id));
                }
                var ids = near.Ids(vocabulary);
                if (ids.Length > 120) inStrings++;
                var token = ids[random.Next(3) == 0 ? random.Next(ids.Length) : Array.FindIndex(ids, id => id >= 256) is var first and >= 0
                    ? random.Next(first, ids.Length) : random.Next(ids.Length)];
                Assert.True(constraint.TryAdvance(token));
                if (vocabulary.IsEnd(token)) break;
            }
        }
        Assert.True(inStrings > 100, $"{inStrings} masks inside strings");
    }

    [Fact]
    public void Without_repetition_there_is_one_value()
    {
        var grammar = (Calls with { Repeats = false }).Compile(Vocabularies.Small, Spaced);
        Assert.True(grammar.Accepts("<get {\"a\": true}!>"u8));
        Assert.False(grammar.Accepts("<get {\"a\": true}!, get {\"a\": true}!>"u8));
    }

    [Fact]
    public void An_alternative_is_a_text_of_its_own()
    {
        var grammar = (Calls with { Alternative = Count }).Compile(Vocabularies.Small, Spaced);
        Assert.True(grammar.Accepts("{\"n\": 12}"u8));
        Assert.True(grammar.Accepts("<get {\"a\": true}!>"u8));
        Assert.False(grammar.Accepts("{\"n\": 12}>"u8));
        Assert.False(grammar.Accepts("<{\"n\": 12}"u8));
    }

    /// <summary>
    /// Every walk through the masks can go on until it ends, and ends in a text of the grammar; a budget of tokens is kept.
    /// </summary>
    [Fact]
    public void Walks_end_in_texts_of_the_grammar_within_their_budget()
    {
        var vocabulary = Vocabularies.Small;
        var grammar = (Calls with { Alternative = Flag }).Compile(vocabulary, Spaced);
        var random = new Random(5);
        var seen = new HashSet<string>();
        for (var walk = 0; walk < 300; walk++)
        {
            var budget = random.Next(40, 90);
            var constraint = grammar.CreateConstraint();
            var text = new List<byte>();
            for (var left = budget; ; left--)
            {
                var ids = constraint.MaskOf(vocabulary, left).Ids(vocabulary);
                Assert.True(ids.Length > 0, $"nothing may follow {Encoding.UTF8.GetString([.. text])}");
                var id = ids[random.Next(ids.Length)];
                if (vocabulary.IsEnd(id)) break;
                Assert.True(left > 0, $"the budget of {budget} was passed: {Encoding.UTF8.GetString([.. text])}");
                Assert.True(constraint.TryAdvance(id));
                text.AddRange(vocabulary.BytesOf(id));
            }
            Assert.True(grammar.Accepts([.. text]), Encoding.UTF8.GetString([.. text]));
            seen.Add(Encoding.UTF8.GetString([.. text]));
        }
        Assert.True(seen.Count > 20, $"{seen.Count} different texts");
        Assert.Contains(seen, text => text.StartsWith('{'));
        Assert.Contains(seen, text => text.Contains(", ge", StringComparison.Ordinal));
    }

    /// <summary>Going back, and forks, lead to the same masks.</summary>
    [Fact]
    public void Rolling_back_and_forking_keep_the_masks()
    {
        var vocabulary = Vocabularies.Small;
        var grammar = Calls.Compile(vocabulary, Spaced);
        var random = new Random(6);
        for (var walk = 0; walk < 30; walk++)
        {
            var constraint = grammar.CreateConstraint();
            var masks = new List<ulong[]>();
            var tokens = new List<int>();
            while (tokens.Count < 30)
            {
                masks.Add(constraint.MaskOf(vocabulary));
                var ids = masks[^1].Ids(vocabulary).Where(id => !vocabulary.IsEnd(id)).ToArray();
                if (ids.Length == 0) break;
                tokens.Add(ids[random.Next(ids.Length)]);
                Assert.True(constraint.TryAdvance(tokens[^1]));
            }
            var back = random.Next(tokens.Count);
            constraint.Rollback(back);
            Assert.Equal(masks[back], constraint.MaskOf(vocabulary));
            Assert.Equal(masks[back], constraint.Fork().MaskOf(vocabulary));
        }
    }

    /// <summary>A name of a special token stands for the token, which has no bytes.</summary>
    [Fact]
    public void Special_tokens_come_by_their_ids()
    {
        var tokens = Enumerable.Range(0, 256).Select(value => new[] { (byte)value }).Concat([[], [], []]).ToArray();
        var vocabulary = new TokenVocabulary(tokens, [258], new Dictionary<string, int> { ["<call>"] = 256, ["</call>"] = 257 });
        var frame = new FramedValues { Values = [new("<call>f:", Flag, "</call>")], Tokens = ["<call>", "</call>"] };
        var constraint = frame.Compile(vocabulary, Spaced).CreateConstraint();
        Assert.Equal([256], constraint.MaskOf(vocabulary).Ids(vocabulary));
        Assert.True(constraint.TryAdvance(256));
        foreach (var value in "f:{\"a\": true}"u8) Assert.True(constraint.TryAdvance(value));
        Assert.Equal([257], constraint.MaskOf(vocabulary).Ids(vocabulary));
        Assert.True(constraint.TryAdvance(257));
        Assert.True(constraint.CanStop && constraint.MustStop);
        // Where the vocabulary knows no such token, the name is letters.
        Assert.True(frame.Compile(Vocabularies.Small, Spaced).Accepts("<call>f:{\"a\": true}</call>"u8));
    }

    [Fact]
    public void Texts_that_lead_to_two_values_are_refused()
    {
        var error = Assert.Throws<ConstraintException>(() =>
            new FramedValues { Values = [new("a", Flag), new("a", Count)] }.Compile(Vocabularies.Small));
        Assert.Contains("two", error.Message, StringComparison.Ordinal);
        Assert.Throws<ConstraintException>(() => new FramedValues { Values = [] }.Compile(Vocabularies.Small));
    }

    /// <summary>With the tokens of a real model the values are JSON, and what is forced is forced.</summary>
    [Fact]
    public void Walks_with_real_tokens_give_whole_calls()
    {
        var (_, vocabulary) = Vocabularies.Real();
        var grammar = new FramedValues
        {
            Values = [new("<tool_call>\n{\"name\": \"f\", \"arguments\": ", Flag, "}\n</tool_call>"),
                new("<tool_call>\n{\"name\": \"fg\", \"arguments\": ", Count, "}\n</tool_call>")],
            Separator = "\n",
            Repeats = true,
        }.Compile(vocabulary, Spaced);
        var random = new Random(7);
        for (var walk = 0; walk < 40; walk++)
        {
            var constraint = grammar.CreateConstraint();
            var text = new List<byte>();
            for (var left = 120; ; left--)
            {
                var ids = constraint.MaskOf(vocabulary, left).Ids(vocabulary);
                var id = ids[random.Next(ids.Length)];
                if (vocabulary.IsEnd(id)) break;
                Assert.True(constraint.TryAdvance(id));
                text.AddRange(vocabulary.BytesOf(id));
            }
            var calls = Encoding.UTF8.GetString([.. text]).Split("</tool_call>", StringSplitOptions.RemoveEmptyEntries);
            Assert.All(calls, call => Assert.Contains(
                JsonDocument.Parse(call.Replace("<tool_call>", "", StringComparison.Ordinal)).RootElement.GetProperty("name").GetString(),
                    (string[])["f", "fg"]));
        }
    }
}
