using System.Text;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Texts that must come as they are, in the tokens that the tokenizer gives them.</summary>
public sealed class ForcedTextTests
{
    private const string Schema = """
        {"type":"object","properties":{"first":{"type":"integer"},"the_name_of_the_person":{"enum":["Ada Lovelace","Grace Hopper"]}},
        "required":["first","the_name_of_the_person"],"additionalProperties":false}
        """;

    [Theory]
    [InlineData("{\"first\": 1, \"", "the_name_of_the_person")]
    [InlineData("{\"first\": 1, \"the_name_of_the_person\": \"A", "da Lovelace")]
    [InlineData("{\"first\": 1, \"the_name_of_the_person\": \"", "")]
    [InlineData("{\"first\": 1, ", "")]
    [InlineData("{\"the_name", "_of_the_person")]
    public void What_must_come_is_forced_up_to_what_a_longer_token_may_begin_with(string text, string expected)
    {
        var (tokenizer, bare) = Vocabularies.Real();
        var vocabulary = new TokenVocabulary([.. Enumerable.Range(0, bare.Count).Select(id => bare.BytesOf(id).ToArray())], bare.EndIds)
        {
            Encode = some => tokenizer.Encode(some, addSpecialTokens: false),
        };
        var constraint = JsonSchema.Compile(Schema, vocabulary).CreateConstraint();
        foreach (var token in tokenizer.Encode(text, addSpecialTokens: false)) Assert.True(constraint.TryAdvance(token));
        var forced = new int[64];
        var count = constraint.ForcedTokens(forced);
        Assert.Equal(expected, tokenizer.Decode(forced.AsSpan(0, count)));
    }
}
