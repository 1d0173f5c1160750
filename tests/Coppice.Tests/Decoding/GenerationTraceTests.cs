using Coppice.Constraints;
using Coppice.Drafting;
using Coppice.Tests.Constraints;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>A trace says what the passes did, and changes nothing.</summary>
public sealed class GenerationTraceTests
{
    private static readonly string Tiny = Path.Combine(SharedData.Repository, "weights", "tiny");
    private const string Prompt = "Gets or sets the name of the item. Gets or sets the number of the item. Gets or sets the";

    [Theory]
    [InlineData("none", 0f), InlineData("prompt-lookup", 0f), InlineData("suffix", 0.8f), InlineData("auto", 0f),
        InlineData("token-recycling", 0f), InlineData("rsd-c:branches=2-2-1", 1f)]
    public void Its_passes_are_those_of_the_text(string drafter, float temperature)
    {
        using var model = LanguageModel.Load(Tiny, new ModelOptions { Device = "cpu", ContextLength = 256 });
        var trace = new GenerationTrace(bestTokens: 2);
        var options = new GenerationOptions
        {
            MaxTokens = 60,
            Temperature = temperature,
            Seed = 4,
            IgnoreEos = true,
            Drafter = DrafterOptions.Parse(drafter) with { Guarded = false },
        };
        var plain = Run(model, options);
        var result = Run(model, options with { Trace = trace });
        Assert.Equal(plain.Ids, result.Ids);
        var steps = trace.From();
        Assert.Equal(result.Ids, steps.SelectMany(step => step.Tokens));
        Assert.Equal(result.Steps, steps.Count(step => step.Tokens.Count > 0));
        Assert.Equal(result.AcceptedTokens, steps.Where(step => step.Tokens.Count > 0).Sum(step => step.AcceptedPath.Count - 1));
        var position = model.Tokenizer!.Encode(Prompt).Length;
        foreach (var step in steps.Where(step => step.Tokens.Count > 0))
        {
            Assert.Equal(position, step.Position);
            position += step.Tokens.Count;
            Assert.Equal((0, -1), (step.AcceptedPath[0], step.Parents[0]));
            Assert.Equal(step.Tree.Count, step.Parents.Count);
            for (var i = 1; i < step.AcceptedPath.Count; i++)
            {
                Assert.Equal(step.AcceptedPath[i - 1], step.Parents[step.AcceptedPath[i]]);
                if (i <= step.Tokens.Count) Assert.Equal(step.Tree[step.AcceptedPath[i]], step.Tokens[i - 1]);
            }
            Assert.Equal(step.Tokens.Count, step.Probabilities.Count);
            Assert.All(step.Probabilities, of => Assert.True(of.Chosen <= 0 && of.Best.Count == 2));
            Assert.True(step.KvBytes > 0 && step.PassTime > TimeSpan.Zero && step.Sequences == 1);
        }
        if (drafter == "prompt-lookup") Assert.Contains(steps, step => step.Tree.Count > 1 && step.AcceptedPath.Count > 1);
    }

    [Fact]
    public void Its_probabilities_are_those_that_a_generation_reports()
    {
        using var model = LanguageModel.Load(Tiny, new ModelOptions { Device = "cpu", ContextLength = 256 });
        var trace = new GenerationTrace(bestTokens: 4);
        using var session = model.NewSession();
        var options = new GenerationOptions
        {
            MaxTokens = 24,
            LogProbs = 4,
            Trace = trace,
            Drafter = DrafterOptions.Parse("prompt-lookup"),
        };
        var pieces = session.Generate(Prompt, options, TestContext.Current.CancellationToken).ToArray();
        var traced = trace.From().SelectMany(step => step.Probabilities).ToArray();
        Assert.Equal(pieces.Select(piece => piece.LogProbs!.Chosen), traced.Select(of => of.Chosen));
        Assert.Equal(pieces.SelectMany(piece => piece.LogProbs!.Best), traced.SelectMany(of => of.Best));
    }

    [Fact]
    public void What_a_constraint_forces_has_no_probabilities()
    {
        using var model = LanguageModel.Load(Tiny, new ModelOptions { Device = "cpu", ContextLength = 256 });
        var trace = new GenerationTrace();
        var options = new GenerationOptions { MaxTokens = 120, Trace = trace, Schema = ConstrainedTextTests.Schema };
        using var session = model.NewSession();
        _ = session.Generate(Prompt, options, TestContext.Current.CancellationToken).ToArray();
        var steps = trace.From();
        Assert.Contains(steps, step => step.Tokens.Count > step.Probabilities.Count);
        Assert.Equal(session.LastResult!.Ids, steps.SelectMany(step => step.Tokens));
        Assert.Equal(steps.Skip(2), trace.From(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => trace.From(steps.Count + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GenerationTrace(21));
    }

    /// <summary>Also where the prompt is run while a constraint is compiled, which here ends only after two passes of the prompt.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public async Task Prompts_have_passes_of_their_own_that_follow_each_other(bool isConstrained)
    {
        using var model = LanguageModel.Load(Tiny, new ModelOptions { Device = "cpu", ContextLength = 256, PrefillChunk = 96 });
        var prompt = model.Tokenizer!.Encode(string.Concat(Enumerable.Repeat("Gets the number of items in the list. ", 14)));
        Assert.True(prompt.Length > 97);
        var (trace, options) = (new GenerationTrace(), new GenerationOptions { MaxTokens = 8 });
        if (isConstrained)
        {
            options = options with
            {
                Constraint = vocabulary =>
                {
                    Assert.True(SpinWait.SpinUntil(() => trace.From().Count >= 2, TimeSpan.FromSeconds(60)),
                        "the prompt waits for its constraint");
                    return RegexGrammar.Compile("[a-z ]+", vocabulary).CreateConstraint();
                },
            };
        }
        using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
        var ids = new List<int>();
        await foreach (var piece in session.GenerateAsync(prompt, options with { Trace = trace }, TestContext.Current.CancellationToken))
            ids.Add(piece.TokenId);
        var steps = trace.From();
        var pieces = steps.TakeWhile(step => step.Tokens.Count == 0).ToArray();
        Assert.True(pieces.Length >= (isConstrained ? 2 : 1));
        var position = 0;
        foreach (var piece in pieces)
        {
            Assert.Equal(position, piece.Position);
            Assert.True(piece.Rows is > 0 and <= 96 && piece.PassTime > TimeSpan.Zero && piece.KvBytes > 0);
            Assert.Equal((0, 0, 0), (piece.Tree.Count, piece.AcceptedPath.Count, piece.Probabilities.Count));
            position += piece.Rows;
        }
        Assert.Equal(prompt.Length, position + steps[pieces.Length].Rows);
        Assert.Equal(prompt.Length, steps[pieces.Length].Position);
        Assert.Equal(ids, steps.SelectMany(step => step.Tokens));
    }

    private static GenerationResult Run(LanguageModel model, GenerationOptions options)
    {
        using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
        _ = session.Generate(Prompt, options, TestContext.Current.CancellationToken).ToArray();
        return session.LastResult!;
    }
}
