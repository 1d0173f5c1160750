using Coppice.Decoding;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding;

public sealed class StopStringsTests
{
    [Fact]
    public void Text_is_held_back_only_while_it_may_begin_a_stop_string()
    {
        var stops = new StopStrings(["END", "\n\n"]);
        Assert.Equal("abc", stops.Append("abc"));
        Assert.Equal("", stops.Append("E"));
        Assert.Equal("", stops.Append("N"));
        Assert.Equal("ENx", stops.Append("x"));
        Assert.Equal("y", stops.Append("y\n"));
        Assert.Equal("\nz", stops.Append("z"));
        Assert.Equal("w", stops.Append("wEN"));
        Assert.Equal("", stops.Append("D and more"));
        Assert.Equal("END", stops.Found);
        Assert.Equal("", stops.Append("more"));
    }

    [Fact]
    public void What_is_held_back_comes_out_at_the_end()
    {
        var stops = new StopStrings(["END"]);
        Assert.Equal("a", stops.Append("aEN"));
        Assert.Equal("EN", stops.Flush());
        Assert.Equal("", stops.Flush());
        Assert.Null(stops.Found);
    }

    [Fact]
    public void Pieces_of_any_size_give_what_searching_the_whole_text_gives()
    {
        var letters = Gen.Char["ab"].Array[0, 30].Select(c => new string(c));
        var stop = Gen.Char["ab"].Array[1, 4].Select(c => new string(c));
        Gen.Select(letters, stop.Array[1, 3], Gen.Int[1, 5], Gen.Int[0, 3]).Sample((text, list, size, uncounted) =>
        {
            var stops = new StopStrings(list);
            var output = "";
            for (var i = 0; i < text.Length; i += size)
                output += stops.Append(text.Substring(i, Math.Min(size, text.Length - i)), counts: i / size >= uncounted);
            if (stops.Found is null) output += stops.Flush();
            // By definition: the first place after what does not count where a stop string ends; of those that end there, the longest.
            var (expected, end) = ((string?)null, 0);
            for (end = size * uncounted + 1; end <= text.Length && expected is null; end++)
                expected = list.Where(s => text[..end].EndsWith(s, StringComparison.Ordinal)).MaxBy(s => s.Length);
            Assert.Equal(expected, stops.Found);
            Assert.Equal(expected is null ? text : text[..(end - 1 - expected.Length)], output);
        }, iter: 20_000);
    }

    [Theory]
    [InlineData("xabc", new[] { "ab", "xabc" }, "ab", "x")]
    [InlineData("xabc", new[] { "c", "abc", "bc" }, "abc", "x")]
    [InlineData("xabc", new[] { "bc", "zabc", "abc" }, "abc", "x")]
    [InlineData("aab", new[] { "ab", "ab" }, "ab", "a")]
    public void The_one_that_ends_first_is_found_and_of_those_that_end_together_the_longest(
        string text, string[] list, string expected, string output)
    {
        foreach (var size in (int[])[1, text.Length])
        {
            var stops = new StopStrings(list);
            var found = string.Concat(text.Chunk(size).Select(piece => stops.Append(new string(piece))));
            Assert.Equal((expected, output), (stops.Found, found));
        }
    }

    [Fact]
    public void What_does_not_count_comes_out_and_may_begin_what_counts()
    {
        var stops = new StopStrings(["END"]);
        Assert.Equal("aENDb", stops.Append("aENDbE", counts: false));
        Assert.Equal("END", stops.Append("ND", counts: false));
        Assert.Equal("", stops.Append("EN", counts: false));
        Assert.Equal("", stops.Append("D"));
        Assert.Equal("END", stops.Found);
    }
}
