using Xunit;

namespace Coppice.Text.Tests;

/// <summary>Expected ids and texts were computed with Hugging Face tokenizers 0.23.2 on the same file.</summary>
public sealed class AddedTokenTests
{
    private const string Added = """
        [{"id":10,"content":"<l>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true},
        {"id":11,"content":"<r>","single_word":false,"lstrip":false,"rstrip":true,"normalized":false,"special":true},
        {"id":12,"content":"<both>","single_word":false,"lstrip":true,"rstrip":true,"normalized":false,"special":false},
        {"id":13,"content":"word","single_word":true,"lstrip":false,"rstrip":false,"normalized":false,"special":false},
        {"id":14,"content":"Caps","single_word":false,"lstrip":false,"rstrip":false,"normalized":true,"special":false},
        {"id":15,"content":"  ","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":false},
        {"id":16,"content":"<lon","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":false},
        {"id":17,"content":"<long>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":false},
        {"id":2,"content":"x","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":false}]
        """;

    [Theory]
    [InlineData("a <l>a", new[] { 1, 6, 1 }, "a <l> a", "a a")]
    [InlineData("a<r>  a", new[] { 1, 7, 11, 1 }, "a <r>    a", "a    a")]
    [InlineData("a <both>\n a", new[] { 1, 8, 1 }, "a <both> a", "a <both> a")]
    [InlineData("word", new[] { 9 }, "word", "word")]
    [InlineData("a word a", new[] { 4, 9, 5 }, "a  word  a", "a  word  a")]
    [InlineData("aword", new[] { 0 }, "<unk>", "<unk>")]
    [InlineData("word_", new[] { 0 }, "<unk>", "<unk>")]
    [InlineData("\u00e9 word", new[] { 0, 9 }, "<unk> word", "<unk> word")]
    [InlineData("word\u00e9", new[] { 0 }, "<unk>", "<unk>")]
    [InlineData("word word", new[] { 9, 3, 9 }, "word   word", "word   word")]
    [InlineData("CAPS caps Caps", new[] { 10, 3, 10, 3, 10 }, "caps   caps   caps", "caps   caps   caps")]
    [InlineData("a    a", new[] { 1, 11, 11, 1 }, "a       a", "a       a")]
    [InlineData("<r>    a", new[] { 7, 11, 11, 1 }, "<r>       a", "      a")]
    [InlineData("<lon", new[] { 12 }, "<lon", "<lon")]
    [InlineData("<long>", new[] { 13 }, "<long>", "<long>")]
    [InlineData("<longer", new[] { 12, 0 }, "<lon <unk>", "<lon <unk>")]
    [InlineData("xa", new[] { 2, 1 }, "x a", "x a")]
    [InlineData("a<l><l>", new[] { 1, 6, 6 }, "a <l> <l>", "a")]
    [InlineData("  <l>", new[] { 11, 6 }, "   <l>", "  ")]
    [InlineData("<r>  <r>", new[] { 7, 11, 7 }, "<r>    <r>", "  ")]
    [InlineData("", new int[0], "", "")]
    public void Added_tokens_are_found_as_their_flags_say(string text, int[] ids, string decoded, string skipped)
    {
        var tokenizer = TinyTokenizer.Words("""{"<unk>":0,"a":1,"x":2," ":3,"a ":4," a":5}""", Added, """{"type":"Lowercase"}""");
        Assert.Equal(ids, tokenizer.Encode(text));
        Assert.Equal(decoded, tokenizer.Decode(ids));
        Assert.Equal(skipped, tokenizer.Decode(ids, skipSpecialTokens: true));
    }

    [Fact]
    public void An_added_token_swallows_white_space_that_is_a_token_itself()
    {
        var tokenizer = TinyTokenizer.Words("""{"<unk>":0,"a":1}""", """
            [{"id":2,"content":"<r>","single_word":false,"lstrip":false,"rstrip":true,"normalized":false,"special":true},
            {"id":3,"content":" ","single_word":false,"lstrip":true,"rstrip":true,"normalized":false,"special":false}]
            """);
        Assert.Equal([2, 1, 3, 1], tokenizer.Encode("<r>   a  a"));
    }

    [Fact]
    public void Tokens_can_be_asked_for_by_id_and_by_text()
    {
        var tokenizer = TinyTokenizer.Words("""{"<unk>":0,"a":1,"x":2," ":3,"a ":4," a":5}""", Added, """{"type":"Lowercase"}""");
        Assert.Equal(14, tokenizer.VocabularySize);
        Assert.Equal("Caps", tokenizer.TokenText(10));
        Assert.Equal("a ", tokenizer.TokenText(4));
        Assert.Null(tokenizer.TokenText(14));
        Assert.Null(tokenizer.TokenText(-1));
        Assert.Equal(6, tokenizer.IdOf("<l>"));
        Assert.Equal(5, tokenizer.IdOf(" a"));
        Assert.Null(tokenizer.IdOf("nothing"));
        Assert.True(tokenizer.IsSpecial(6));
        Assert.False(tokenizer.IsSpecial(8));
        Assert.False(tokenizer.IsSpecial(0));
        Assert.Equal("a", tokenizer.Decode([1, 99, -5]));
    }
}
