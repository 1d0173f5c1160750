using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>Drafters at the borders of a session, side by side, and without allocating.</summary>
public sealed class DrafterLimitTests
{
    public static TheoryData<string> Drafters =>
        ["auto:nodes=96", "prompt-lookup", "suffix", "token-recycling:tree=template,guard=false", "aded:nodes=65,guard=false"];

    [Theory, MemberData(nameof(Drafters))]
    public void A_draft_never_goes_beyond_what_fits_or_is_asked_for(string name)
    {
        var drafter = DrafterOptions.Parse(name);
        using var folder = new TinyModel();
        using var model = folder.Load(new ModelOptions { Device = "cpu", ContextLength = 48 });
        using var plain = model.NewSession();
        using var session = model.NewSession();
        foreach (var (prompt, limit) in (ReadOnlySpan<(int, int)>)[(47, 9), (47, 1), (40, 100), (10, 1), (10, 2), (1, 100)])
        {
            var options = new GenerationOptions { MaxTokens = limit, IgnoreEos = true };
            Assert.Equal(plain.Ids(TinyModel.Prompt(prompt), options),
                session.Ids(TinyModel.Prompt(prompt), options with { Drafter = drafter }));
            Assert.Equal(plain.Tokens, session.Tokens);
        }
    }

    [Theory, MemberData(nameof(Drafters))]
    public void Sessions_that_take_turns_give_what_each_gives_alone(string name)
    {
        var options = new GenerationOptions { MaxTokens = 40, IgnoreEos = true, Drafter = DrafterOptions.Parse(name) };
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var first = model.NewSession();
        using var second = model.NewSession();
        using var alone = model.NewSession();
        int[] one = TinyModel.Prompt(12, 1), two = TinyModel.Prompt(20, 2);
        var expected = (alone.Greedy(one, 40), alone.Ids(two, options with { Drafter = DrafterOptions.None }));
        using var a = first.Generate(one, options with { IgnoreEos = false }, TestContext.Current.CancellationToken).GetEnumerator();
        using var b = second.Generate(two, options, TestContext.Current.CancellationToken).GetEnumerator();
        var (fromFirst, fromSecond) = (new List<int>(), new List<int>());
        for (var (more, moreB) = (true, true); more || moreB;)
        {
            if (more && (more = a.MoveNext())) fromFirst.Add(a.Current.TokenId);
            if (moreB && (moreB = b.MoveNext())) fromSecond.Add(b.Current.TokenId);
        }
        Assert.Equal(expected.Item1, fromFirst);
        Assert.Equal(expected.Item2, fromSecond);
    }

    [Theory, MemberData(nameof(Drafters))]
    public void Drafting_allocates_nothing_after_the_first_steps(string name)
    {
        using var folder = new TinyModel();
        using var model = folder.Load(new ModelOptions { Device = "cpu", ContextLength = 256 });
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 150, IgnoreEos = true, Drafter = DrafterOptions.Parse(name) };
        for (var run = 0; run < 4; run++) session.Ids(TinyModel.Prompt(20, seed: run), options);      // runs in which the runtime compiles
        Assert.Equal(0, session.AllocatedBytesPerToken(TinyModel.Prompt(20, seed: 8), options));
        Assert.True(session.LastResult!.DraftedTokens > 0 || name.StartsWith("auto", StringComparison.Ordinal),
            "something must be drafted");
    }
}
