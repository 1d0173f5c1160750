using Coppice.Constraints;
using Coppice.Tests.Constraints;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Strategies;

/// <summary>Every strategy with every kind of constraint: the text fits, or the two are refused by name.</summary>
public sealed class StrategyConstraintTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    private const string Prompt = "Returns the number of";

    private static readonly string Small = Path.Combine(SharedData.Repository, "weights", "draft");

    private static readonly int[][] Three = [[70, 71], [72], [73, 74, 75]];

    public static TheoryData<string> Strategies => [.. Settings.Keys];

    /// <summary>Each strategy by a setting that is not neutral; the temperature where it needs one.</summary>
    private static Dictionary<string, float> Settings => new()
    {
        ["mirostat:tau=3"] = 1,
        ["beam:beams=3"] = 0,
        ["best-of:n=3"] = 1,
        ["blockwise:k=3,block=4"] = 1,
        [$"contrast:alpha=.5,model={Small}"] = 0,
        ["contrast:alpha=.5,negative=Returns"] = 1,
        ["planning:evaluations=4,k=2"] = 0,
        ["planning:evaluations=3,k=2,beams=2"] = 0,
        [$"switch:model={Small},tau=2"] = 1,
        ["value-guide:k=3,weight=2,scorer=count:a"] = 0,
        ["value-guide:k=3,weight=2,horizon=3"] = 1,
    };

    private (string Name, GenerationOptions Options, Func<string, bool> Fits)[] Kinds =>
    [
        ("schema", new() { Schema = ConstrainedTextTests.Schema, MaxTokens = 90 }, IsInstance),
        ("grammar", new() { Grammar = """root ::= "{" [a-c]{2,9} "}" """, MaxTokens = 16 },
            text => text.StartsWith('{') && text.EndsWith('}')),
        ("pattern", new() { Regex = "[a-z]{3} [a-z]{2,4}", MaxTokens = 16 }, text => text.Length is >= 6 and <= 8 && text[3] == ' '),
        ("choices", new() { Choices = ["elements in the list", "characters"], MaxTokens = 16 },
            text => text is "elements in the list" or "characters"),
        ("deny", new() { Deny = new DenyList(tiny.Model.Vocabulary, texts: ["e", " the"]), MaxTokens = 12 },
            text => !text.Contains('e', StringComparison.Ordinal)),
        ("schema and deny", new()
        {
            Schema = ConstrainedTextTests.Schema,
            Deny = new DenyList(tiny.Model.Vocabulary, texts: ["constructor", "property"]),
            MaxTokens = 90,
        }, text => IsInstance(text) && !text.Contains("constructor", StringComparison.Ordinal)
            && !text.Contains("property", StringComparison.Ordinal)),
        ("trigger", new() { Regex = "[0-9]{2}", ConstraintTrigger = "a", MaxTokens = 24 },
            text => text.Split('a') is [_] or [_, [>= '0' and <= '9', >= '0' and <= '9']]),
        ("a host's own", new() { Constraint = vocabulary => new Places(vocabulary, Three), MaxTokens = 16 }, _ => true),
        ("one that waits", new() { Constraint = vocabulary => new Waiting(new Places(vocabulary, Three)), MaxTokens = 16 }, _ => true),
    ];

    [Theory, MemberData(nameof(Strategies))]
    public void A_text_fits_its_constraint_or_the_two_are_refused_by_name(string strategy)
    {
        using var session = tiny.Model.NewSession();
        var options = StrategyOptions.Parse(strategy);
        foreach (var (name, held, fits) in Kinds)
        {
            var asked = held with { Strategy = options, Temperature = Settings[strategy], Seed = 5 };
            if (name == "one that waits" && options is BeamSearchOptions)
            {
                var error = Assert.Throws<ArgumentException>(() => session.Text(Ids(), asked));
                Assert.Contains($"the strategy {options.Name} exclude each other", error.Message, StringComparison.Ordinal);
                continue;
            }
            var text = session.Text(Ids(), asked);
            Assert.True(fits(text), $"{strategy}, {name}: {text}");
            Assert.Equal(text, session.LastResult!.Text);
            var isSame = session.Text(Ids(), asked) == text;
            Assert.True(isSame, $"{strategy}, {name}: another text the second time");
        }
    }

    /// <summary>What Backtrack takes back, and what ASAp learns, only plain decoding can.</summary>
    [Theory, MemberData(nameof(Strategies))]
    public void Policies_that_need_plain_decoding_are_refused_by_name(string strategy)
    {
        using var session = tiny.Model.NewSession();
        var options = StrategyOptions.Parse(strategy);
        var asked = new GenerationOptions
        {
            Strategy = options,
            Temperature = 1,
            Deny = new DenyList(tiny.Model.Vocabulary, texts: ["e"]),
        };
        if (options is not (MirostatOptions or BestOfOptions))
        {
            var back = Assert.Throws<ArgumentException>(() => session.Text(Ids(), asked with { DenyPolicy = DenyPolicy.Backtrack }));
            Assert.Contains(options.Name, back.Message, StringComparison.Ordinal);
            Assert.Contains("Backtrack", back.Message, StringComparison.Ordinal);
        }
        var asap = Assert.Throws<ArgumentException>(() => session.Text(Ids(), asked with { Asap = new AsapTrie() }));
        Assert.Contains("Asap", asap.Message, StringComparison.Ordinal);
    }

    private int[] Ids() => tiny.Model.Tokenizer!.Encode(Prompt);

    private static bool IsInstance(string text)
    {
        ConstrainedTextTests.AssertInstance(text);
        return true;
    }
}
