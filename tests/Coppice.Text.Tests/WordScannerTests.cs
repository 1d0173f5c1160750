using Coppice.Text.Patterns;
using Coppice.Text.PreTokenizers;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>Expressions that are written out match what the matcher for any pattern does.</summary>
public sealed class WordScannerTests
{
    private const string Before = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}";
    private const string After = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly string[] Parts =
    [
        " ", "  ", "\t", "\n", "\r", "\r\n", "\u00A0", "\u2028", "\u0085", "'", "'s", "'S", "'\u017F", "'Re", "'vE", "'LL", "'d", "'\u212A",
        "\u2019s", "a", "Bc", "\u00DF", "\u4E2D", "\u01C5", "\u02B0", "1", "23", "\u00BD", "\u2167", "\u0663", "-", "!!", "_", "\u0301",
        "\u20AC", "\u200D", "\0", "\uD800", "\uDC00", "\uD835\uDC00", "\uD835\uDFCE", "\uD83D\uDE42", "\uFFFD",
    ];

    public static TheoryData<string> Expressions => [ByteLevelPattern.Expression, Before + After, Before + "{1,3}" + After];

    [Theory, MemberData(nameof(Expressions))]
    public void They_match_what_the_matcher_does(string expression)
    {
        Assert.NotNull(WordScanner.Of(expression));
        var (written, interpreted) = (Pattern.Parse(expression), Pattern.ParseInterpreted(expression));
        Gen.Int[0, Parts.Length - 1].Array[0, 14].Select(parts => string.Concat(parts.Select(part => Parts[part])))
            .Sample(text => Assert.Equal(Matches(interpreted, text), Matches(written, text)), iter: 10_000);
    }

    /// <summary>Every character is of the kind that the sets of the matcher say.</summary>
    [Theory, MemberData(nameof(Expressions))]
    public void Every_character_counts_alike(string expression)
    {
        var (written, interpreted) = (Pattern.Parse(expression), Pattern.ParseInterpreted(expression));
        for (var letter = 0; letter < 0x20000; letter += letter == 0xD7FF ? 0x801 : 1)
        {
            var text = $"a{char.ConvertFromUtf32(letter)}1";
            Assert.Equal(Matches(interpreted, text), Matches(written, text));
        }
    }

    private static List<(int Start, int End)> Matches(Pattern pattern, string text)
    {
        var matches = new List<(int Start, int End)>();
        var search = pattern.NewSearch();
        search.Allow(text.Length);
        var (done, last) = (0, -1);
        while (search.TryNext(text, done, last, out var start, out var end))
        {
            matches.Add((start, end));
            done = last = end;
        }
        return matches;
    }
}
