using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Processors;

/// <summary>
/// Laws of every kind of constraint as properties: whatever was done to it, one that has taken some tokens is one that has taken these
/// tokens and nothing else, forks go on by themselves, and a refusal changes nothing.
/// </summary>
public sealed class ConstraintLawTests
{
    private static readonly TokenVocabulary Vocabulary = Vocabularies.Small;

    private const string Object = """
        {"type":"object","properties":{"name":{"type":"string","maxLength":6},"n":{"enum":["ab","abc",12]},
        "l":{"type":"array","items":{"type":"integer"},"uniqueItems":true,"maxItems":4}},"required":["name"]}
        """;

    private static readonly Dictionary<string, Func<ITokenConstraint>> Kinds = new()
    {
        ["schema"] = () => JsonSchema.Compile(Object, Vocabulary).CreateConstraint(),
        ["compact schema"] = () =>
            JsonSchema.Compile(Object, Vocabulary, new SchemaOptions { WhiteSpace = WhiteSpace.None }).CreateConstraint(tokens: 200),
        ["grammar"] = () => Grammar.Compile("root ::= \"a\" root \"b\" | item*\nitem ::= [0-9] | \"[\" root \"]\" | \"é\"", Vocabulary)
            .CreateConstraint(),
        ["regex"] = () => RegexGrammar.Compile("(ab|[a-c]{2,5}|日本)+(?!.*cc)x?", Vocabulary).CreateConstraint(),
        ["choices"] = () => RegexGrammar.Choices(["name", "names", "true", "日本"], Vocabulary).CreateConstraint(),
        ["calls"] = () => new FramedValues
        {
            Open = "[",
            Close = "]",
            Separator = ", ",
            Repeats = true,
            Values = [new("{\"name\":", Object, "}"), new("{}", """{"type":"boolean"}""")],
        }.Compile(Vocabulary).CreateConstraint(),
        ["triggered"] = () => new TriggeredConstraint(JsonSchema.Compile(Object, Vocabulary), "ab"),
        ["denied"] = () =>
            new DenyList(Vocabulary, ids: [3, 260], sequences: [[97, 98], [97, 97, 97]], texts: ["name", "12"]).CreateConstraint(),
        ["intersection"] = () => new ConstraintIntersection(Vocabulary, JsonSchema.Compile(Object, Vocabulary).CreateConstraint(),
            new DenyList(Vocabulary, texts: ["aa", "  "]).CreateConstraint()),
    };

    public static TheoryData<string> All => [.. Kinds.Keys];

    [Theory, MemberData(nameof(All))]
    public void What_was_taken_is_all_that_counts(string kind)
    {
        var (moves, forks, backs, refused) = (0, 0, 0, 0);
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            List<(ITokenConstraint Constraint, List<int> Taken)> all = [(Kinds[kind](), [])];
            for (var step = 0; step < 60; step++)
            {
                var index = random.Next(all.Count);
                var (constraint, taken) = all[index];
                switch (random.Next(10))
                {
                    case 0 when all.Count < 5:
                        all.Add((constraint.Fork(), [.. taken]));
                        forks++;
                        break;
                    case 1 when all.Count > 1:
                        all.RemoveAt(index);
                        break;
                    case 2:
                        var back = random.Next(taken.Count + 1);
                        constraint.Rollback(back);
                        taken.RemoveRange(back, taken.Count - back);
                        backs++;
                        break;
                    case 3:
                        var any = random.Next(-1, Vocabulary.Count + 1);
                        var isAllowed = any >= 0 && any < Vocabulary.Count && constraint.MaskOf(Vocabulary).Has(any);
                        Assert.Equal(isAllowed, constraint.TryAdvance(any));
                        if (isAllowed) taken.Add(any);
                        else refused++;
                        break;
                    case 4:
                        constraint.ForcedTokens(new int[4], random.Next(1, 50));
                        constraint.MaskOf(Vocabulary, random.Next(1, 50));
                        break;
                    default:
                        var ids = constraint.MaskOf(Vocabulary).Ids(Vocabulary);
                        if (ids.Length == 0) break;
                        taken.Add(ids[random.Next(ids.Length)]);
                        Assert.True(constraint.TryAdvance(taken[^1]));
                        moves++;
                        break;
                }
                if (step % 4 == 0) AssertSame(kind, all[random.Next(all.Count)], seed);
            }
            foreach (var each in all) AssertSame(kind, each, seed);
        }
        Assert.True(moves > 500 && forks > 50 && backs > 50 && refused > 3,
            $"{moves} moves, {forks} forks, {backs} back, {refused} refused");
    }

    [Theory, MemberData(nameof(All))]
    public void A_place_that_was_not_reached_cannot_be_gone_back_to(string kind)
    {
        var constraint = Kinds[kind]();
        Assert.True(constraint.TryAdvance(constraint.MaskOf(Vocabulary).Ids(Vocabulary)[0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => constraint.Rollback(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => constraint.Rollback(-1));
        Assert.Equal(1, constraint.Position);
    }

    /// <summary>Compared with a new one that has taken the same tokens, by all that can be asked.</summary>
    private static void AssertSame(string kind, (ITokenConstraint Constraint, List<int> Taken) one, int seed)
    {
        var (constraint, taken) = one;
        var plain = Kinds[kind]();
        foreach (var token in taken) Assert.True(plain.TryAdvance(token), $"seed {seed}");
        Assert.Equal(taken.Count, constraint.Position);
        Assert.Equal(plain.MaskOf(Vocabulary), constraint.MaskOf(Vocabulary));
        Assert.Equal(plain.MaskOf(Vocabulary, 20), constraint.MaskOf(Vocabulary, 20));
        Assert.Equal((plain.CanStop, plain.MustStop), (constraint.CanStop, constraint.MustStop));
        var (forced, ofPlain) = (new int[8], new int[8]);
        Assert.Equal(plain.ForcedTokens(ofPlain), constraint.ForcedTokens(forced));
        Assert.Equal(ofPlain, forced);
    }
}
