using System.Text;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Processors;

/// <summary>Deny lists.</summary>
public sealed class DenyTests
{
    private static readonly string[] Texts = ["V", "U", "L", "N", "VU", "LN", "VUL", "ULN", "VULN", "x", "\n", "xV"];
    private static readonly TokenVocabulary Vocabulary = Vocabularies.Only(Texts);

    [Fact]
    public void A_denied_text_never_comes_however_it_is_split()
    {
        var list = new DenyList(Vocabulary, texts: ["VULN"]);
        var random = new Random(1);
        for (var walk = 0; walk < 10_000; walk++)
        {
            var constraint = list.CreateConstraint();
            var text = new StringBuilder();
            for (var step = 0; step < 12; step++)
            {
                var allowed = constraint.MaskOf(Vocabulary).Ids(Vocabulary);
                Assert.Contains(Texts.Length, allowed);
                var token = allowed[random.Next(allowed.Length - 1)];
                Assert.True(constraint.TryAdvance(token));
                text.Append(Texts[token]);
            }
            Assert.DoesNotContain("VULN", text.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Ids_sequences_and_the_end_of_the_prompt_count()
    {
        var constraint = new DenyList(Vocabulary, ids: [9], sequences: [[0, 1]], texts: ["VULN"]).CreateConstraint(prompt: [4]);
        var mask = constraint.MaskOf(Vocabulary);
        Assert.False(mask.Has(9));
        Assert.False(mask.Has(5));
        Assert.True(constraint.TryAdvance(0));
        Assert.False(constraint.TryAdvance(1));
        constraint.Rollback(0);
        Assert.False(constraint.TryAdvance(5));
    }

    [Fact]
    public void Backtrack_begins_the_line_anew_with_another_token()
    {
        // A scripted model: after "x" at the line's start it wants the label with certainty, after "V" it does not.
        var constraint = new DenyList(Vocabulary, texts: ["LN"]).CreateConstraint(DenyPolicy.Backtrack);
        Assert.True(constraint.TryAdvance(10));
        Assert.True(constraint.TryAdvance(9));
        Assert.True(constraint.TryAdvance(2));
        var decision = constraint.Judge(3, .9);
        Assert.Equal(new DenyDecision(DenyAction.RollBack, 1), decision);
        constraint.Rollback(decision.Position);
        Assert.False(constraint.MaskOf(Vocabulary).Has(9));
        Assert.False(constraint.TryAdvance(9));
        Assert.True(constraint.TryAdvance(0));
        Assert.Equal([new DenyHit(3, "LN", .9)], constraint.Hits);
    }

    [Fact]
    public void Where_nothing_else_could_begin_the_line_its_token_comes_again()
    {
        var constraint = new DenyList(Vocabulary, texts: ["LN"]).CreateConstraint(DenyPolicy.Backtrack, mostRetries: 2);
        Assert.True(constraint.TryAdvance(9));
        Assert.True(constraint.TryAdvance(2));
        Assert.Equal(new DenyDecision(DenyAction.RollBack, 0), constraint.Judge(3, .9));
        constraint.Rollback(0);
        constraint.GiveUp();
        Assert.True(constraint.TryAdvance(9));
        Assert.True(constraint.TryAdvance(2));
        Assert.Equal(DenyAction.Continue, constraint.Judge(3, .9).Action);
        Assert.False(constraint.TryAdvance(3));
        Assert.Equal(2, constraint.Hits.Count);
    }

    [Fact]
    public void Policies_say_what_to_do()
    {
        var list = new DenyList(Vocabulary, texts: ["x"]);
        Assert.Equal(DenyAction.Reject, list.CreateConstraint(DenyPolicy.PruneBeam).Judge(9, .2).Action);
        Assert.Equal(DenyAction.Continue, list.CreateConstraint().Judge(9, .9).Action);
        Assert.Equal(DenyAction.Continue, list.CreateConstraint(DenyPolicy.PruneBeam).Judge(0, .9).Action);
    }

    [Fact]
    public void An_intersection_allows_what_all_allow()
    {
        var grammar = RegexGrammar.Compile("(VU|x)+", Vocabulary);
        var both = new ConstraintIntersection(Vocabulary, grammar.CreateConstraint(), new DenyList(Vocabulary, texts: ["xx"])
            .CreateConstraint());
        Assert.Equal([0, 4, 9, 11], both.MaskOf(Vocabulary).Ids(Vocabulary));
        Assert.True(both.TryAdvance(9));
        Assert.False(both.TryAdvance(9));
        Assert.Equal(1, both.Position);
        Assert.Equal([0, 4, Texts.Length], both.MaskOf(Vocabulary).Ids(Vocabulary));
    }
}
