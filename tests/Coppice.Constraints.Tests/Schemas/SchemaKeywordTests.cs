using System.Text;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Keywords, drafts, reports and refusals.</summary>
public sealed class SchemaKeywordTests
{
    [Theory]
    [InlineData("""{"minimum":1,"exclusiveMinimum":true,"$schema":"http://json-schema.org/draft-04/schema#"}""", "1.5", "1")]
    [InlineData("""{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"s":{"type":"string"}},"$ref":"#/definitions/s","maxLength":1}""", "\"abc\"", "1")]
    [InlineData("""{"$schema":"https://json-schema.org/draft/2019-09/schema","$recursiveAnchor":true,"type":"object","additionalProperties":{"$recursiveRef":"#"}}""", "{\"a\":{}}", "{\"a\":1}")]
    [InlineData("""{"multipleOf":0.01}""", "19.99", "19.999")]
    [InlineData("""{"type":"integer"}""", "1.0e2", "1.5")]
    [InlineData("""{"minimum":100}""", "1e2", "99.9")]
    [InlineData("""{"uniqueItems":true}""", "[1,1.5,{\"a\":[1]},{\"a\":[2]}]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1.0}]")]
    [InlineData("""{"contains":{"type":"string"},"minContains":2,"maxContains":2}""", "[\"a\",1,\"b\"]", "[\"a\"]")]
    [InlineData("""{"format":"date"}""", "\"2024-02-29\"", "\"2023-02-29\"")]
    [InlineData("""{"format":"ipv6"}""", "\"::ffff:1.2.3.4\"", "\"1::2::3\"")]
    [InlineData("""{"format":"uri"}""", "\"https://a.b/c?d#e\"", "\"a b\"")]
    [InlineData("""{"format":"regex"}""", "\"^(a|[b-z]{2})*$\"", "\"[\"")]
    [InlineData("""{"pattern":"^\\n\\u00e9$"}""", "\"\\n\\u00e9\"", "\"\\n\"")]
    [InlineData("""{"pattern":"^😀$"}""", "\"\\ud83d\\ude00\"", "\"\\ud83d\\ude01\"")]
    [InlineData("""{"properties":{"a":{"type":"string"}},"dependentSchemas":{"a":{"required":["b"]}}}""", "{\"b\":1,\"a\":\"x\"}",
        "{\"a\":\"x\"}")]
    [InlineData("""{"properties":{"aé":true},"additionalProperties":false}""", "{\"a\\u00e9\":1}", "{\"a\":1}")]
    public void A_schema_accepts_and_refuses(string schema, string good, string bad)
    {
        var grammar = JsonSchema.Compile(schema, Vocabularies.Small);
        Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes(good)), good);
        Assert.False(grammar.Accepts(Encoding.UTF8.GetBytes(bad)), bad);
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":true},"required":["b","a"]}""")]
    public void Members_come_in_any_order_and_declared_ones_once(string schema)
    {
        var grammar = JsonSchema.Compile(schema, Vocabularies.Small);
        Assert.All(["{\"a\":1,\"b\":2}", "{\"b\":2,\"c\":[],\"a\":1}"], text => Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes(text))));
        Assert.False(grammar.Accepts("{\"a\":1,\"b\":2,\"a\":3}"u8));
    }

    [Theory]
    [InlineData("""{"type":"object","required":["a"],"properties":{"a":{"type":"object","required":["b"],"properties":{"b":false}}}}""")]
    [InlineData("""{"allOf":[{"type":"string"},{"minimum":3,"type":"number"}]}""")]
    [InlineData("""{"type":"array","items":{"enum":[1,2]},"uniqueItems":true,"minItems":3}""")]
    [InlineData("""{"type":"object","required":["a"],"properties":{"a":{"$ref":"#"}}}""")]
    [InlineData("""{"type":"string","pattern":"^a{5}$","maxLength":4}""")]
    public void A_schema_that_no_value_fits_is_refused(string schema) =>
        Assert.Contains("some value", Assert.Throws<ConstraintException>(() => JsonSchema.Compile(schema, Vocabularies.Small)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_dead_end_is_seen_from_afar()
    {
        // Whoever writes "kind":"x" needs "size", which nothing fits; so the mask never lets "x" be written.
        var constraint = JsonSchema.Compile(
            """{"type":"object","required":["kind"],"properties":{"kind":{"enum":["x","y"]}},"if":{"properties":{"kind":{"const":"x"}}},"then":{"required":["size"],"properties":{"size":false}}}""",
            Vocabularies.Small).CreateConstraint();
        foreach (var value in "{\"kind\":\""u8) Assert.True(constraint.TryAdvance(value));
        var mask = constraint.MaskOf(Vocabularies.Small);
        Assert.False(mask.Has('x'));
        Assert.True(mask.Has('y'));
    }

    [Fact]
    public void What_is_not_enforced_is_named_or_refused()
    {
        const string schema =
            """{"type":"object","properties":{"a":{"pattern":"(a)\\1"},"b":{"$ref":"http://example.org/none"},"c":{"format":"colour"}}}""";
        var error = Assert.Throws<ConstraintException>(() => JsonSchema.Compile(schema, Vocabularies.Small));
        Assert.Contains("/properties/a", error.Message, StringComparison.Ordinal);
        var report = JsonSchema.Compile(schema, Vocabularies.Small, new SchemaOptions { Lenient = true }).Report;
        Assert.Equal([("/properties/a", "pattern"), ("/properties/b", "$ref"), ("/properties/c", "format")],
            report.NotEnforced.Select(row => (row.JsonPointer, row.Keyword)));
    }

    [Theory]
    [InlineData("""{"type":"text"}"""), InlineData("""{"minimum":"1"}"""), InlineData("[]"), InlineData("{"),
        InlineData("""{"$ref":"#"}"""), InlineData("""{"allOf":[{"$ref":"#"}]}""")]
    [InlineData("""{"minLength":-1}"""), InlineData("""{"properties":[]}"""), InlineData("""{"multipleOf":0}""")]
    [InlineData("""{"type":"\ud800"}"""), InlineData("""{"properties":{"\udc00":{}}}"""), InlineData("""{"enum":["a\ud83d"]}""")]
    public void What_is_no_schema_is_refused(string schema) =>
        Assert.Throws<ConstraintException>(() => JsonSchema.Compile(schema, Vocabularies.Small));

    [Theory]
    [InlineData("http://json-schema.org/draft-04/schema"), InlineData("http://json-schema.org/draft-06/schema"),
        InlineData("http://json-schema.org/draft-07/schema")]
    [InlineData("https://json-schema.org/draft/2019-09/schema"), InlineData("https://json-schema.org/draft/2020-12/schema")]
    public void Meta_schemas_ship_and_accept_schemas(string uri)
    {
        var grammar = JsonSchema.Compile($$"""{"$ref":"{{uri}}"}""", Vocabularies.Small);
        Assert.True(grammar.Accepts("""{"type":"object","properties":{"a":{"minLength":1}}}"""u8));
        Assert.False(grammar.Accepts("""{"type":"object","properties":{"a":{"minLength":-1}}}"""u8));
    }

    [Fact]
    public void Equal_schemas_share_a_grammar()
    {
        const string schema = """{"type":"string","maxLength":77}""";
        Assert.Same(JsonSchema.Compile(schema, Vocabularies.Small), JsonSchema.Compile(schema, Vocabularies.Small));
        Assert.NotSame(JsonSchema.Compile(schema, Vocabularies.Small),
            JsonSchema.Compile(schema, Vocabularies.Small, new SchemaOptions { AssertFormats = false }));
    }

    [Fact]
    public void White_space_is_bounded()
    {
        var grammar = JsonSchema.Compile("""{"type":"array"}""", Vocabularies.Small);
        Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes($"[{new string(' ', 20)}]")));
        Assert.False(grammar.Accepts(Encoding.UTF8.GetBytes($"[{new string(' ', 60)}]")));
    }
}
