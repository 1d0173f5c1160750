using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>
/// The real schemas and the official suite, with a real vocabulary. The command line runs all of them; here is a sample, and all on demand.
/// </summary>
public sealed class SchemaBenchTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("bench.jsonl", 9, true, 0)]
    [InlineData("suite.jsonl", 1, false, 1)]
    public void Schemas_accept_what_they_should_and_nothing_else(string file, int each, bool formats, int mostRefused) =>
        Run(file, each, formats, mostRefused);

    [Fact(Explicit = true)]
    public void All_500_schemas_accept_what_they_should_and_nothing_else() => Run("bench.jsonl", 1, formats: true, mostRefused: 1);

    private void Run(string file, int each, bool formats, int mostRefused)
    {
        var (tokenizer, vocabulary) = Vocabularies.Real();
        var suite = new SchemaSuite(vocabulary, text => tokenizer.Encode(text, addSpecialTokens: false), () => 0,
            new SchemaOptions { AssertFormats = formats });
        var (right, refused, cases) = (0, new List<string>(), 0);
        foreach (var schema in BenchCase.Read(file, each))
        {
            cases++;
            var outcome = suite.Run(new SchemaCase(schema.Schema, [.. schema.Instances.Select(instance => instance.Data)],
                schema.Documents));
            Assert.True(outcome.Error is null, $"{schema.Id}: {outcome.Error}");
            for (var i = 0; i < schema.Instances.Count; i++)
            {
                var (data, isValid) = schema.Instances[i];
                Assert.False(outcome.Accepted[i] && !isValid, $"{schema.Id} accepts {data}");
                if (isValid && !outcome.Accepted[i]) refused.Add($"{schema.Id} refuses {data}");
            }
            right++;
        }
        output.WriteLine($"{file}: {right} of {cases}, {refused.Count} instances refused\n{string.Join('\n', refused)}");
        Assert.True(refused.Count <= mostRefused, string.Join('\n', refused));
    }
}
