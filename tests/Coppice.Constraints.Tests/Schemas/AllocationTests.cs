using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Where masks and steps are known, a token allocates nothing.</summary>
public sealed class AllocationTests
{
    [Theory]
    [InlineData("""{"type":"object","properties":{"name":{"type":"string","maxLength":12},"count":{"type":"integer","minimum":0,"maximum":999},"kind":{"enum":["method","constructor"]},"flag":{"type":"boolean"}},"required":["name","count"]}""",
        """{"name": "some text", "count": 12, "kind": "method", "flag": true, "other": [1, 2.5, {"a": null}]}""")]
    [InlineData("""{"type":"array","items":{"oneOf":[{"type":"string","pattern":"^[a-z]+$"},{"type":"number"}]}}""", """["abc", 12.5, "x"]""")]
    [InlineData("""{"patternProperties":{"^x-":{"type":"string","format":"date"}},"properties":{"a":{"type":"array","items":{"type":"integer"}}},"additionalProperties":false}""",
        """{"x-day": "2024-02-29", "a": [1, -2, 30]}""")]
    public void A_known_token_allocates_nothing(string schema, string instance)
    {
        // Far from the end of the tokens that are left, near it, and where each token counts.
        foreach (var left in (int[])[150, 40, 12]) AllocatesNothing(schema, instance, left);
    }

    private static void AllocatesNothing(string schema, string instance, int left)
    {
        var (tokenizer, vocabulary) = Vocabularies.Real();
        var grammar = JsonSchema.CompileNew(schema, vocabulary, new SchemaOptions());
        var mask = new ulong[vocabulary.MaskWords];
        var forced = new int[32];
        var tokens = tokenizer.Encode(instance, addSpecialTokens: false);
        string report = "";
        for (var run = 0; run < 3; run++)
        {
            var constraint = grammar.CreateConstraint(tokens.Length);
            report = "";
            foreach (var token in tokens)
            {
                var start = GC.GetAllocatedBytesForCurrentThread();
                constraint.ForcedTokens(forced, left + 50);
                var afterForced = GC.GetAllocatedBytesForCurrentThread();
                constraint.FillMask(mask, left);
                var afterMask = GC.GetAllocatedBytesForCurrentThread();
                var isTaken = constraint.TryAdvance(token);
                var afterAdvance = GC.GetAllocatedBytesForCurrentThread();
                _ = constraint.MustStop;
                var all = GC.GetAllocatedBytesForCurrentThread() - start;
                Assert.True(isTaken);
                if (all > 0) report += $"{tokenizer.TokenText(token)}: forced {afterForced - start}, mask {afterMask - afterForced}, token {afterAdvance - afterMask}, all {all}\n";
            }
            Assert.True(constraint.CanStop);
        }
        Assert.True(report.Length == 0, $"{left} tokens left: {report}");
    }
}
