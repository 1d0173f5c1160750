using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Grammars;

/// <summary>A vocabulary with which no text of a grammar can be written is refused when it is compiled, and no other one.</summary>
public sealed class NeededByteTests
{
    [Theory]
    [InlineData("\"", """{"type":"string"}""", "0x22 ('\"')")]
    [InlineData("\"", """{"type":"object","required":["a"]}""", "0x22 ('\"')")]
    [InlineData(":{", """{"type":"object","required":["a"]}""", "0x3A (':'), 0x7B ('{')")]
    [InlineData("e", """{"type":"boolean"}""", "0x65 ('e')")]
    [InlineData("7", """{"const":170}""", "0x37 ('7')")]
    [InlineData(",", """{"type":"array","minItems":2,"items":{"type":"integer"}}""", "0x2C (',')")]
    // Either can be done without, both cannot.
    [InlineData("12", """{"enum":[1,2]}""", "0x31 ('1')")]
    public void A_schema_names_the_bytes_that_all_its_texts_need(string missing, string schema, string names)
    {
        var error = Assert.Throws<ConstraintException>(() => JsonSchema.Compile(schema, Without(missing)));
        Assert.StartsWith("vocabulary: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(names, error.Message, StringComparison.Ordinal);
        Assert.Contains("use a tokenizer", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"", """{"type":["string","integer"]}""", "1")]
    [InlineData("\":,", """{"type":"object"}""", "{}")]
    [InlineData("1", """{"enum":[1,2]}""", "2")]
    [InlineData("a", """{"type":"string","minLength":40}""", "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"")]
    // A character may be escaped, and white space left out.
    [InlineData("x", """{"const":"x"}""", "\"\\u0078\"")]
    [InlineData("-", """{"type":"string","pattern":"^[0-9]{4}-[0-9]{2}$"}""", "\"2024\\u002d01\"")]
    [InlineData(" \n\t", """{"type":"array","minItems":2}""", "[0,0]")]
    [InlineData("t", """{"type":"boolean"}""", "false")]
    public void A_schema_that_has_other_texts_does_without(string missing, string schema, string text)
    {
        var vocabulary = Without(missing);
        var constraint = JsonSchema.Compile(schema, vocabulary).CreateConstraint();
        foreach (var value in text) Assert.True(constraint.TryAdvance(value), text);
        Assert.True(constraint.CanStop);
    }

    [Fact]
    public void A_space_that_must_come_is_needed() =>
        Assert.Contains("0x20", Assert.Throws<ConstraintException>(() => JsonSchema.Compile(
            """{"type":"object","required":["a"]}""", Without(" "), new SchemaOptions { WhiteSpace = WhiteSpace.Spaced })).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("(", "root ::= \"(\" root \")\" | \"x\"", null)]
    [InlineData("x", "root ::= \"(\" root \")\" | \"x\"", "0x78 ('x')")]
    [InlineData("b", "root ::= \"a\" rest\nrest ::= \"b\" | \"c\" rest | rest \"b\"", "0x62 ('b')")]
    [InlineData("b", "root ::= [a-c]+", null)]
    [InlineData("abc", "root ::= [a-c]+", "such as 0x61 ('a')")]
    [InlineData("é", "root ::= [à-ü]", "0xC3")]
    [InlineData("é", "root ::= \"é\" | [ﬀ-ﬅ]", null)]
    public void A_grammar_names_them_too(string missing, string grammar, string? names)
    {
        void Compile() => Grammar.Compile(grammar, Without(missing));
        if (names is null) Compile();
        else Assert.Contains(names, Assert.Throws<ConstraintException>(Compile).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("b", "a*b", "0x62 ('b')")]
    [InlineData("b", "a*b?", null)]
    [InlineData("0", "[0-9]{4}", null)]
    [InlineData("0", "(?=.*0)[0-9]{4}", "0x30 ('0')")]
    public void A_pattern_names_them_too(string missing, string pattern, string? names)
    {
        void Compile() => RegexGrammar.Compile(pattern, Without(missing));
        if (names is null) Compile();
        else Assert.Contains(names, Assert.Throws<ConstraintException>(Compile).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_with_a_name_needs_no_bytes()
    {
        var vocabulary = Without("<>", special: "<call>");
        var frame = new FramedValues { Open = "<call>", Values = [new("", """{"type":"integer"}""")], Tokens = ["<call>"] };
        Assert.True(frame.Compile(vocabulary).CreateConstraint().TryAdvance(257));
        Assert.Contains("0x3C ('<'), 0x3E ('>')",
            Assert.Throws<ConstraintException>(() => (frame with { Tokens = [] }).Compile(vocabulary)).Message, StringComparison.Ordinal);
        Grammar.Compile("root ::= <call> \"a\"", vocabulary);
    }

    /// <summary>Where finding out would take too long, nothing is refused.</summary>
    [Fact]
    public void What_is_not_known_is_no_error()
    {
        var names = string.Join(',', Enumerable.Range(0, 30).Select(i => $"\"n{i}\""));
        var schema = $$"""{"type":"object","required":[{{names}}],"properties":{"n7":{"enum":["x","y"]} } }""";
        var watch = System.Diagnostics.Stopwatch.StartNew();
        JsonSchema.Compile(schema, Without("x"));
        Assert.True(watch.Elapsed.TotalSeconds < 30, $"{watch.Elapsed}");
    }

    /// <summary>All single bytes but those of <paramref name="missing"/>, an end, and perhaps a special token.</summary>
    private static TokenVocabulary Without(string missing, string? special = null)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(missing);
        List<byte[]> tokens = [.. Enumerable.Range(0, 256).Select(value => bytes.Contains((byte)value) ? [] : new[] { (byte)value })];
        tokens.Add([]);
        if (special is not null) tokens.Add([]);
        var names = special is null ? null : new Dictionary<string, int> { [special] = 257 };
        return new TokenVocabulary(tokens, [256], names);
    }
}
