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
        Assert.True(stops.Found);
        Assert.Equal("", stops.Append("more"));
    }

    [Fact]
    public void What_is_held_back_comes_out_at_the_end()
    {
        var stops = new StopStrings(["END"]);
        Assert.Equal("a", stops.Append("aEN"));
        Assert.Equal("EN", stops.Flush());
        Assert.Equal("", stops.Flush());
        Assert.False(stops.Found);
    }

    [Fact]
    public void Pieces_of_any_size_give_what_searching_the_whole_text_gives()
    {
        var letters = Gen.Char["ab"].Array[0, 30].Select(c => new string(c));
        var stop = Gen.Char["ab"].Array[1, 4].Select(c => new string(c));
        Gen.Select(letters, stop.Array[1, 3], Gen.Int[1, 5]).Sample((text, list, size) =>
        {
            var stops = new StopStrings(list);
            var output = "";
            for (var i = 0; i < text.Length; i += size) output += stops.Append(text.Substring(i, Math.Min(size, text.Length - i)));
            if (!stops.Found) output += stops.Flush();
            // The stop that ends first is found first; of those that end in the same piece, the one that begins first.
            var found = list.Any(s => text.Contains(s, StringComparison.Ordinal));
            Assert.Equal(found, stops.Found);
            Assert.StartsWith(output, text, StringComparison.Ordinal);
            if (!found) Assert.Equal(text, output);
            else Assert.DoesNotContain(list, s => output.Contains(s, StringComparison.Ordinal));
        }, iter: 5000);
    }
}
