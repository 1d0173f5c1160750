using System.Diagnostics;
using System.Text;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Broken and odd schemas and grammars end in a grammar or a <see cref="ConstraintException"/>, in bounded time.</summary>
public sealed class FuzzTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public void Mutated_schemas_end_in_an_answer_or_an_error()
    {
        var random = new Random(17);
        var (compiled, refused) = (0, 0);
        foreach (var schema in BenchCase.Read("bench.jsonl", each: 7))
        {
            if (schema.Schema.Length > 20_000) continue;
            for (var i = 0; i < 3; i++)
            {
                var text = Mutated(schema.Schema, random);
                if (Try(() => JsonSchema.CompileNew(text, Vocabularies.Small, new SchemaOptions { SatisfiabilityBudget = 500 }), random,
                    text))
                    compiled++;
                else refused++;
            }
        }
        Assert.True(compiled > 20 && refused > 20, $"{compiled} compiled, {refused} refused");
    }

    [Theory]
    [InlineData("root ::= (\"a\" | root root)+\n")]
    [InlineData("root ::= x{1,100000}\nx ::= [a-z]{1,100000}")]
    [InlineData("root ::= root | root root | \"\"")]
    [InlineData("root ::= (((((((((((\"a\"?)*)*)*)*)*)*)*)*)*)*)")]
    public void Odd_grammars_end_in_an_answer_or_an_error(string grammar) =>
        Try(() => Grammar.CompileNew(grammar, Vocabularies.Small, GrammarNotation.Gbnf), new Random(1), grammar);

    [Fact]
    public void Mutated_grammars_end_in_an_answer_or_an_error()
    {
        var random = new Random(19);
        for (var i = 0; i < 400; i++)
        {
            var text = Mutated("root ::= obj | \"[\" (root (\",\" root)*)? \"]\"\nobj ::= \"{\" [a-z]{1,3} \":\" root \"}\" | <[3]> | "
                + "[^x-z\\n]+", random);
            Try(() => Grammar.CompileNew(text, Vocabularies.Small, (GrammarNotation)(i % 3)), random, text);
        }
    }

    private static bool Try(Func<CompiledGrammar> compile, Random random, string text)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            var constraint = compile().CreateConstraint();
            for (var step = 0; step < 12; step++)
            {
                var ids = constraint.MaskOf(Vocabularies.Small).Ids(Vocabularies.Small);
                if (ids.Length == 0 || !constraint.TryAdvance(ids[random.Next(ids.Length)])) break;
            }
            return true;
        }
        catch (ConstraintException)
        {
            return false;
        }
        finally
        {
            Assert.True(clock.Elapsed < Limit, $"{clock.Elapsed} for {text}");
        }
    }

    private static string Mutated(string text, Random random)
    {
        string[] pieces = ["{", "}", "[", "]", "\"", ":", ",", "not", "\"$ref\":\"#\"", "1", "-", "true", "false", "null", "*", "{2,900}",
            "oneOf", "(", ")", "\\u0000", "ÿ"];
        var result = new StringBuilder(text);
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(result.Length);
            switch (random.Next(3))
            {
                case 0: result.Remove(at, Math.Min(random.Next(1, 9), result.Length - at)); break;
                case 1: result.Insert(at, pieces[random.Next(pieces.Length)]); break;
                default: result[at] = (char)random.Next(32, 127); break;
            }
            if (result.Length == 0) result.Append('x');
        }
        return result.ToString();
    }
}
