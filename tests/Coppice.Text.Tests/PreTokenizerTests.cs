using Coppice.Text.Patterns;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Unicode;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>Expected pieces are those that the documentation of Hugging Face tokenizers and its version 0.23.2 give.</summary>
public sealed class PreTokenizerTests
{
    [Theory]
    [InlineData("Removed", "the|final|countdown")]
    [InlineData("Isolated", "the|-|final|-|-|countdown")]
    [InlineData("MergedWithPrevious", "the-|final-|-|countdown")]
    [InlineData("MergedWithNext", "the|-final|-|-countdown")]
    [InlineData("Contiguous", "the|-|final|--|countdown")]
    public void Every_behavior_cuts_as_documented(string behavior, string expected)
    {
        var kind = Enum.Parse<SplitBehavior>(behavior);
        Assert.Equal(expected, Cut(new PatternSplit(Pattern.Of("-"), kind, invert: false), "the-final--countdown"));
        Assert.Equal(expected, Cut(new CharacterSplit(letter => letter == '-', kind), "the-final--countdown"));
    }

    [Theory]
    [InlineData("Always", true, true, "_Hey|_friend!")]
    [InlineData("Always", true, false, "_Hey|_friend!")]
    [InlineData("First", true, true, "_Hey|_friend!")]
    [InlineData("First", true, false, "Hey|_friend!")]
    [InlineData("Never", true, true, "Hey|_friend!")]
    [InlineData("Always", false, true, "_Hey_friend!")]
    public void Metaspace_marks_what_its_scheme_says(string scheme, bool split, bool atStart, string expected) =>
        Assert.Equal(expected, Cut(new Metaspace("_", Enum.Parse<PrependScheme>(scheme), split), "Hey friend!", atStart));

    [Fact]
    public void A_text_that_begins_with_the_mark_takes_no_other() =>
        Assert.Equal("_|_a|_b", Cut(new Metaspace("_", PrependScheme.Always, split: true), "  a b"));

    [Fact]
    public void Words_digits_and_lengths_are_cut_by_character()
    {
        Assert.Equal("Hi|,|a_b|\u00e9\u0301|!!|\u4E2D", Cut(new WordSplit(), " Hi, a_b  \u00e9\u0301!! \u4E2D "));
        Assert.Equal("a|12|b|\u0663\u00BD", Cut(new CharacterSplit(CodePoints.IsNumeric, SplitBehavior.Contiguous), "a12b\u0663\u00BD"));
        Assert.Equal("ab|\U0001F642c|d", Cut(new FixedLength(2), "ab\U0001F642cd"));
        Assert.Equal(" a| b", string.Concat(Cut(new SpacePrefix(), "a"), "|", Cut(new SpacePrefix(), " b")));
    }

    [Fact]
    public void Added_tokens_pass_through()
    {
        var token = new Piece("<s>", 0, 3, 7, AtStart: false);
        var output = new List<Piece>();
        var run = new PatternSplit(Pattern.Of("s"), SplitBehavior.Removed, invert: false).NewRun(output);
        run.Apply([token, Piece.Whole("asb", atStart: false)]);
        Assert.Equal(["<s>", "a", "b"], output.Select(piece => piece.Span.ToString()));
        Assert.Equal([7, Piece.NoToken, Piece.NoToken], output.Select(piece => piece.Token));
    }

    private static string Cut(PreTokenizer preTokenizer, string text, bool atStart = true)
    {
        var output = new List<Piece>();
        preTokenizer.NewRun(output).Apply([Piece.Whole(text, atStart)]);
        return string.Join('|', output.Select(piece => piece.Span.ToString()));
    }
}
