using System.Text;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>How much choice there is in the spelling of an instance.</summary>
public sealed class SpellingTests
{
    private static readonly SchemaOptions Spaced = new() { WhiteSpace = WhiteSpace.Spaced, PlainIntegers = true };

    [Theory]
    [InlineData("""{"a": 1, "b": [true, {"c": null}], "d": {}, "e": []}""", true)]
    [InlineData("""{"a":1}""", false)]
    [InlineData("""{"a":  1}""", false)]
    [InlineData("""{ "a": 1}""", false)]
    [InlineData("""{"a" : 1}""", false)]
    [InlineData("""{"a": 1,"b": 2}""", false)]
    [InlineData("""{"a": 1 , "b": 2}""", false)]
    [InlineData("""{"a": 1 }""", false)]
    [InlineData("{\"a\":\n1}", false)]
    [InlineData("[1, 2]", true)]
    [InlineData("[1,2]", false)]
    [InlineData(""" [1, 2]""", false)]
    [InlineData("""["a,b:c\",d", "e"]""", true)]
    public void Spaced_text_has_one_space_after_commas_and_colons(string text, bool isAccepted) =>
        Assert.Equal(isAccepted, JsonSchema.Compile("{}", Vocabularies.Small, Spaced).Accepts(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("""{"type":"integer"}""", "12", true)]
    [InlineData("""{"type":"integer"}""", "12.0", false)]
    [InlineData("""{"type":"integer"}""", "1e2", false)]
    [InlineData("""{"type":"integer","minimum":-5,"maximum":5}""", "-5", true)]
    [InlineData("""{"type":"integer","minimum":-5,"maximum":5}""", "2.0", false)]
    [InlineData("""{"type":"integer","minimum":0}""", "-0", false)]
    [InlineData("""{"type":"integer","minimum":0}""", "0", true)]
    [InlineData("""{"type":"integer"}""", "-10", true)]
    [InlineData("""{"type":"number"}""", "12.0", true)]
    [InlineData("""{"type":"number"}""", "1e2", true)]
    [InlineData("""{"anyOf":[{"type":"integer"},{"type":"number","minimum":2}]}""", "2.0", true)]
    [InlineData("""{"type":["integer","string"]}""", "2.0", false)]
    public void Integers_can_be_asked_to_look_like_ones(string schema, string text, bool isAccepted)
    {
        Assert.Equal(isAccepted, JsonSchema.Compile(schema, Vocabularies.Small, Spaced).Accepts(Encoding.UTF8.GetBytes(text)));
        Assert.True(JsonSchema.Compile(schema, Vocabularies.Small).Accepts(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Walks with a budget end in time, which takes an ending that is spelled as the rest is.</summary>
    [Theory, MemberData(nameof(SchemaLawTests.All), MemberType = typeof(SchemaLawTests))]
    public void Walks_within_a_budget_end_whole(string schema)
    {
        var vocabulary = Vocabularies.Small;
        var (free, spaced) = (JsonSchema.Compile(schema, vocabulary), JsonSchema.Compile(schema, vocabulary, Spaced));
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var constraint = spaced.CreateConstraint();
            var text = new List<byte>();
            for (var left = 60; left > 0 && !constraint.MustStop; left--)
            {
                var ids = constraint.MaskOf(vocabulary, left).Ids(vocabulary).Where(id => !vocabulary.IsEnd(id)).ToArray();
                if (ids.Length == 0) break;
                var token = ids[random.Next(ids.Length)];
                Assert.True(constraint.TryAdvance(token));
                text.AddRange(vocabulary.BytesOf(token));
            }
            Assert.True(constraint.CanStop, $"{Encoding.UTF8.GetString([.. text])} of {schema}");
            Assert.True(free.Accepts([.. text]), Encoding.UTF8.GetString([.. text]));
        }
    }
}
