using System.Text;
using System.Text.RegularExpressions;
using Coppice.Constraints.Languages;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Grammars;

/// <summary>Regular expressions by derivatives against the framework's own engine.</summary>
public sealed class RegexTests
{
    [Fact]
    public void Random_patterns_find_what_the_framework_finds()
    {
        var (found, unsupported) = (0, 0);
        for (var seed = 0; seed < 400; seed++)
        {
            var random = new Random(seed);
            var pattern = Random(random, 3);
            if (Language(pattern) is not { } language)
            {
                unsupported++;
                continue;
            }
            var oracle = new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
            for (var i = 0; i < 40; i++)
            {
                var text = string.Concat(Enumerable.Range(0, random.Next(7)).Select(_ => "ab0 "[random.Next(4)]));
                // The framework's "$" also matches before a last line feed, which these texts do not hold.
                Assert.True(language.Holds(text) == oracle.IsMatch(text), $"seed {seed}: {pattern} on \"{text}\"");
                if (oracle.IsMatch(text)) found++;
            }
        }
        Assert.True(found > 1_000 && unsupported < 60, $"{found} found, {unsupported} not supported");
    }

    [Theory]
    [InlineData(@"^(?!.*foo)[a-z]+$", "bar", "afoob")]
    [InlineData(@"^((?!ab).)*$", "ba", "xaby")]
    [InlineData(@"^zip|tar$", "zipx", "xtarx")]
    [InlineData(@"^\p{Lu}\p{Ll}+$", "Éa", "éa")]
    [InlineData(@"^[\w-]{2,3}$", "a-b", "a-bc")]
    [InlineData(@"^\u{1F600}.$", "😀x", "😀")]
    [InlineData(@"^(a?){50}$", "aaaa", "b")]
    public void Special_forms_mean_what_ECMA_says(string pattern, string good, string bad)
    {
        var language = new TextAutomata().Search(pattern);
        Assert.True(language.Holds(good));
        Assert.False(language.Holds(bad));
    }

    [Theory]
    [InlineData(@"(a)\1"), InlineData(@"(?<=a)b"), InlineData(@"\bword"), InlineData("("), InlineData("a**?)"), InlineData("[b-a]")]
    public void What_cannot_be_done_is_refused(string pattern) =>
        Assert.Throws<ConstraintException>(() => RegexGrammar.Compile(pattern, Vocabularies.Small));

    [Fact]
    public void Part_of_a_character_is_allowed_exactly_where_it_can_be_completed()
    {
        var constraint = RegexGrammar.Compile("[ぁ-ゟ]+", Vocabularies.Small).CreateConstraint();
        var bytes = Encoding.UTF8.GetBytes("ぁ");
        var first = constraint.MaskOf(Vocabularies.Small);
        Assert.Equal([bytes[0]], first.Ids(Vocabularies.Small).Where(id => id < 256).Select(id => (byte)id));
        Assert.True(constraint.TryAdvance(bytes[0]));
        // U+3041 to U+309F are E3 81 81 to E3 82 9F.
        Assert.Equal([0x81, 0x82], constraint.MaskOf(Vocabularies.Small).Ids(Vocabularies.Small));
        Assert.True(constraint.TryAdvance(0x82));
        Assert.Equal(Enumerable.Range(0x80, 0x20), constraint.MaskOf(Vocabularies.Small).Ids(Vocabularies.Small));
    }

    [Fact]
    public void Choices_allow_each_choice_and_nothing_else()
    {
        var grammar = RegexGrammar.Choices(["yes", "no", "no way"], Vocabularies.Small);
        Assert.All(["yes", "no", "no way"], text => Assert.True(grammar.Accepts(Encoding.UTF8.GetBytes(text))));
        Assert.All(["", "ye", "nope", "no wa"], text => Assert.False(grammar.Accepts(Encoding.UTF8.GetBytes(text))));
        var constraint = grammar.CreateConstraint();
        Span<int> forced = stackalloc int[8];
        Assert.True(constraint.TryAdvance('y'));
        Assert.Equal("es", string.Concat(forced[..constraint.ForcedTokens(forced)].ToArray().Select(id => (char)id)));
    }

    /// <summary>The language of a pattern; null where it repeats an anchor or look-around, which is refused.</summary>
    private static TextLanguage? Language(string pattern)
    {
        try
        {
            return new TextAutomata().Search(pattern);
        }
        catch (ConstraintException error) when (error.Message.Contains("repeated group", StringComparison.Ordinal))
        {
            return null;
        }
    }

    private static string Random(Random random, int depth)
    {
        switch (depth == 0 ? random.Next(4) : random.Next(11))
        {
            case 0: return "a";
            case 1: return "[ab]";
            case 2: return @"\d";
            case 3: return "[^b]";
            case 4: return $"(?:{Random(random, depth - 1)}|{Random(random, depth - 1)})";
            case 5: return $"(?:{Random(random, depth - 1)})*";
            case 6: return $"(?:{Random(random, depth - 1)}){{1,2}}";
            case 7: return $"^{Random(random, depth - 1)}";
            case 8: return $"{Random(random, depth - 1)}$";
            case 9: return $"(?={Random(random, depth - 1)}){Random(random, depth - 1)}";
            default: return Random(random, depth - 1) + Random(random, depth - 1);
        }
    }
}
