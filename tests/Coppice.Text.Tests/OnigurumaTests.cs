using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Coppice.Text.Patterns;
using CsCheck;
using Onigwrap;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>
/// Patterns beside the library that Hugging Face tokenizers match with: random ones, made of what is easily read wrongly.
/// </summary>
public sealed partial class OnigurumaTests
{
    private static readonly string[] Texts =
    [
        "a", "b", "aab", "ab-c", "a-\u00E9&z", "-", "&&", "]", "[", "^a", "0-9", "a b", "a\nb", "a  b #c", "{2}", "a{2}", "aaaa", "AbAb",
        "\u00E9\u00C9",
        "a\u00A0b", "\u000Ba", ":alpha:", "\\",
    ];

    [Fact]
    public void Classes_hold_what_they_hold_there() => Compare(
        ["[", "[", "]", "]", "^", "-", "-", "&&", "&", "a", "b", "z", "0", "9", "\u00E9", "\\d", "\\w", "\\s", "\\-", "\\]",
            "[:alpha:]", "[:digit:]", "\\p{L}", " ", ":"],
        parts => $"[{parts}]");

    [Fact]
    public void Extended_patterns_mean_what_they_mean_there() => Compare(
        ["a", "b", "a", " ", " ", "\n", "\t", "\f", "\u000B", "\u00A0", "#c\n", "#", "+", "*", "?", "{2}", "{1,2}", "{ 2}",
            "(?#c)", "(?#\\))", "|", "(?:", ")", "(", "(?i)", "(?-x)", "[a b]", "\\ ", "^", "$", "\\b", "(?=", "(?>"],
        parts => $"(?x){parts}");

    // Not compared: repetitions of lazy repetitions, which Oniguruma writes as one that is not the same, repetitions of repetitions of
    // what may be empty, and callouts. No tokenizer has any of them.
    [GeneratedRegex(@"[*+?}]\?([*+?]|\{\d)|\)([*+?]|\{[\d,]+\})([*+?]|\{\d)|\(\?\{")]
    private static partial Regex Elsewhere();
    [GeneratedRegex(@"[ \n\t\f]|\(\?#(c|\\\))\)|#c?\n")]
    private static partial Regex Comment();

    private static void Compare(string[] alphabet, Func<string, string> pattern)
    {
        if (!NativeLibrary.TryLoad("libonigwrap", typeof(ORegex).Assembly, null, out _))
            Assert.Skip("needs the native library of Onigwrap");
        var parts = Gen.Int[0, alphabet.Length - 1].Array[1, 9].Select(chosen => string.Concat(chosen.Select(i => alphabet[i])));
        parts.Select(pattern).Sample(expression =>
        {
            var oracle = new ORegex(expression, ignoreCase: false, multiline: false);
            var own = Parse(expression);
            if (expression[0] == '[' || (oracle.Valid && !expression.Contains("(?{", StringComparison.Ordinal)))
                Assert.True(oracle.Valid == own is not null, $"{expression}: valid there {oracle.Valid}, here {own is not null}");
            if (own is null || !oracle.Valid || Elsewhere().IsMatch(Comment().Replace(expression, ""))) return;
            foreach (var text in Texts)
                Assert.Equal($"{expression} on {text}: {There(oracle, text)}", $"{expression} on {text}: {Here(own, text)}");
        }, iter: 20_000);
    }

    private static Pattern? Parse(string expression)
    {
        try
        {
            return Pattern.Parse(expression);
        }
        catch (PatternError)
        {
            return null;
        }
    }

    private static string There(ORegex regex, string text)
    {
        var found = regex.SafeSearch(text, 0);
        return found is null || found.Count() == 0 ? "none" : $"{found.LocationAt(0)}+{found.LengthAt(0)}";
    }

    private static string Here(Pattern pattern, string text) =>
        pattern.NewSearch().TryNext(text, 0, -1, out var start, out var end) ? $"{start}+{end - start}" : "none";
}
