using System.Diagnostics;
using System.Text.RegularExpressions;
using Coppice.Text.Patterns;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests;

public sealed class PatternTests
{
    private const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Gpt4o =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string DeepSeek =
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
        + @"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly Gen<char> Letters = Gen.OneOf(Gen.Char["aAbBsStTlLdDmMrReEvVxk09 \t\r\n'.,!_-/"], Gen.Char['\u0020', '\u024F'],
        Gen.Char['\u0300', '\u036F'], Gen.Char['\u0400', '\u0FFF'], Gen.Char['\u2000', '\u20FF'], Gen.Char['\u3000', '\u4FFF']);

    // The runtime's own engine does not take the long s for an s where case does not matter; Oniguruma does.
    private static readonly Gen<string> Texts = Gen.String[Letters.Where(letter => letter != '\u017F'), 0, 40];

    // The runtime's own engine cannot see above U+FFFF and has no possessive repetitions; where it can be compared it must agree.
    [Theory]
    [InlineData(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    [InlineData(Llama3)]
    [InlineData(Gpt4o)]
    [InlineData(DeepSeek)]
    [InlineData(@"(a|ab)(c|bcd)?x*|a{2,3}?b|(?:a|b)*?\s")]
    [InlineData(@"(?<=\s)\S+|(?<![a-z])[A-Z](?=[a-z]|$)|\p{Nd}+?\D")]
    [InlineData(@"(?:(?:a*)*)*b|(?>a+)b|x*")]
    public void Matches_equal_those_of_the_runtime_on_random_text(string expression)
    {
        var pattern = Pattern.Parse(expression);
        // Here a line place holds at every line end, as in Ruby's syntax.
        var regex = new Regex(expression, RegexOptions.CultureInvariant | RegexOptions.Multiline);
        Texts.Sample(text => Assert.Equal(Expected(regex, text), Found(pattern, text)), iter: 3000);
    }

    [Theory]
    [InlineData(@"\p{L}+", "x\U00010400\U0001D518y", "x\U00010400\U0001D518y")]
    [InlineData(@"[^\s\p{L}]", "\U0001F642 a", "\U0001F642")]
    [InlineData(@"[\x{1F600}-\x{1F64F}]", "a\U0001F642", "\U0001F642")]
    [InlineData(@"\p{Han}+", "a\U00020000\u4E2Db", "\U00020000\u4E2D")]
    [InlineData(@"a++b", "aab", "aab")]
    [InlineData(@"a++ab", "aab", "")]
    [InlineData(@"(?>a|ab)c", "abc", "")]
    [InlineData(@"a{2}+", "aaaa", "aaaa")]
    [InlineData(@"[a-z&&[^aeiou]]+", "abcde", "bcd")]
    [InlineData(@"[[:punct:]]+", "a+.b", "+.")]
    [InlineData(@"\p{^L}+", "ab12", "12")]
    [InlineData(@"(?i:s)+", "sS\u017F", "sS\u017F")]
    [InlineData(@"(?i)k|b", "\u212A", "\u212A")]
    [InlineData(@"(?x: a b # c", null, null)]
    [InlineData(@"(?m:.+)", "a\nb", "a\nb")]
    [InlineData(@".+", "a\nb", "a")]
    [InlineData(@"\h+", "xfF9g", "fF9")]
    [InlineData(@"\R", "a\r\nb", "\r\n")]
    [InlineData(@"[]a]+", "a]b", "a]")]
    [InlineData(@"[a\-z]+", "-z-b", "-z-")]
    [InlineData(@"a{,2}", "aaa", "aa")]
    [InlineData(@"(?x)a +b", "aab", "aab")]
    [InlineData("(?x) a # one\n {2} # two", "aaa", "aa")]
    [InlineData("(?x)a\u00A0+", "aa", "")]
    [InlineData(@"(?x)a+ ?b", "b", "b")]
    [InlineData(@"a(?#one\)two)+", "aaa", "aaa")]
    [InlineData(@"(?:a{2}?)*b", "aab", "aab")]
    [InlineData("[\u00E9-&&[^a]]+", "a-\u00E9", "-\u00E9")]
    [InlineData(@"[0-9-&&[^5]]+", "5-6", "-6")]
    [InlineData(@"[\d-]+", "a1-", "1-")]
    [InlineData(@"[0-9-a]+", "-a5b", "-a5")]
    [InlineData(@"[a-[b]]+", "a-b", "b")]
    [InlineData(@"[[:x]]+", "a:x", ":x")]
    [InlineData(@"(?:|b)+", "b", "")]
    [InlineData(@"a{x", "a{x", "a{x")]
    [InlineData(@"\b\w", " a", "a")]
    [InlineData(@"\w+", "\u00BDa", "\u00BDa")]
    [InlineData(@"\p{Word}+", "\u00B2a", "\u00B2a")]
    [InlineData(@"[\w]+", "\u00BDa", "a")]
    [InlineData(@"[^\w\s]", "a \u00B9", "\u00B9")]
    [InlineData(@"[\p{Word}]", "\u00BE", "")]
    [InlineData(@"\N+", "N\na", "N")]
    [InlineData(@"\O+", "O\na", "O\na")]
    [InlineData(@"(?i:\u00DF)", "\u1E9E", "\u1E9E")]
    [InlineData(@"(?i:\u01C6)+", "\u01C4\u01C5\u01C6", "\u01C4\u01C5\u01C6")]
    [InlineData(@"\p{Greek}+", "a\u03B1\u1F04\U0001D245b", "\u03B1\u1F04\U0001D245")]
    [InlineData(@"\p{Cyrl}+", "a\u0451\uA640 ", "\u0451\uA640")]
    [InlineData(@"\p{Latin}+", "\u0451\u1EA1\uFF21\u00D7", "\u1EA1\uFF21")]
    [InlineData(@"\p{Tamil}+", "\u0B85\u0B84", "\u0B85")]
    [InlineData(@"[\p{Devanagari}\p{Bengali}]+", "a\u0915\u0995", "\u0915\u0995")]
    [InlineData(@"\P{Hebrew}+", "\u05D0a\u05D1", "a")]
    public void First_match_is_that_of_Oniguruma(string expression, string? text, string? expected)
    {
        if (text is null)
        {
            Assert.Throws<PatternError>(() => Pattern.Parse(expression));
            return;
        }
        var matched = Pattern.Parse(expression).NewSearch().TryNext(text, 0, -1, out var start, out var end);
        Assert.Equal(expected, matched ? text[start..end] : "");
    }

    [Theory]
    [InlineData("(")]
    [InlineData(")")]
    [InlineData("[")]
    [InlineData("[b-a]")]
    [InlineData("*a")]
    [InlineData("a{3,1}")]
    [InlineData("\\")]
    [InlineData("(?<n")]
    [InlineData("(?q)")]
    [InlineData("\\p{L")]
    [InlineData("\\x{110000}")]
    [InlineData("(ab){1000}{1000}")]
    [InlineData("a{99999}")]
    [InlineData("{2}")]
    [InlineData("[[:")]
    [InlineData("[[:]")]
    [InlineData("[[:letter:]]")]
    [InlineData("[\\d-a]")]
    [InlineData("[a-\\d]")]
    [InlineData("a(?#b")]
    [InlineData("a(?#b\\")]
    [InlineData("(?>(?>(?>(?:ab){100}){100}){100}){100}")]
    public void A_malformed_pattern_is_an_error(string expression) =>
        Assert.False(Assert.Throws<PatternError>(() => Pattern.Parse(expression)).Unsupported);

    [Theory]
    [InlineData("(a)\\1")]
    [InlineData("\\p{Klingon}")]
    [InlineData("\\cA")]
    [InlineData("\\M-a")]
    [InlineData("a\\y")]
    [InlineData("(?<=a+)b")]
    public void A_pattern_that_needs_more_is_told_apart(string expression) =>
        Assert.True(Assert.Throws<PatternError>(() => Pattern.Parse(expression)).Unsupported);

    [Fact]
    public void Deep_patterns_end_in_an_error_not_in_a_full_stack()
    {
        Assert.Throws<PatternError>(() => Pattern.Parse(new string('(', 19_000)));
        Assert.Throws<PatternError>(() => Pattern.Parse(new string('[', 19_000)));
        Assert.Throws<PatternError>(() => Pattern.Parse("a" + new string('*', 19_000)));
        Assert.Throws<PatternError>(() => Pattern.Parse(string.Concat(Enumerable.Repeat("(?i)", 4_000))));
        Assert.Throws<PatternError>(() => Pattern.Parse(new string('a', 30_000)));
    }

    [Theory]
    [InlineData(@"(a+)+$b")]
    [InlineData(@"(a|aa)+b")]
    [InlineData(@"(?:a*a*)*c")]
    [InlineData(@"(a?){60}a{60}x")]
    [InlineData(@"a*+b")]
    [InlineData(@"(?=(?:aa?)*b)a")]
    public void A_hostile_pattern_ends_soon(string expression)
    {
        var pattern = Pattern.Parse(expression);
        var clock = Stopwatch.StartNew();
        try
        {
            pattern.Replace(new string('a', 30_000), "");
        }
        catch (CheckpointException error)
        {
            Assert.Contains("steps", error.Message, StringComparison.Ordinal);
        }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"took {clock.Elapsed}");
    }

    private static List<(int, int)> Expected(Regex regex, string text)
    {
        var spans = new List<(int, int)>();
        var last = -1;
        foreach (var match in regex.Matches(text).Cast<Match>())
        {
            // An empty match right after another does not count in Oniguruma's iteration.
            if (match.Length > 0 || match.Index != last) spans.Add((match.Index, match.Length));
            last = match.Index + match.Length;
        }
        return spans;
    }

    private static List<(int, int)> Found(Pattern pattern, string text)
    {
        var spans = new List<(int, int)>();
        var search = pattern.NewSearch();
        search.Allow(text.Length);
        for (int from = 0, last = -1; search.TryNext(text, from, last, out var start, out var end); from = last = end)
            spans.Add((start, end - start));
        return spans;
    }
}
