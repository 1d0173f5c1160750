using Coppice.Text;
using Coppice.Text.Decoders;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>Tokens that go to the output without a look at the stages give the text that the stages give.</summary>
public sealed class PassingTokenTests
{
    private static readonly string[] Tokens =
    [
        "a", "bc", " ", "  x", "\u2581", "\u2581the", "x\u2581", "##ing", "##", ".", " .", "n't", "<0x41>", "<0xC3>", "<0xA9>",
        "<0xE2>", "<0x82>", "<0xAC>", "<0xFF>", "<0x4", "\u0120", "\u0120the", "\u00C3", "\u00A9", "\u00C3\u00A9",
        "\u00E2\u0124", "\u00AC", "\u00FF", "\u4E2D", "</w>", "x</w>", "<pad>", "|", "", "\uD83D\uDE42", new string('l', 20),
    ];

    public static TheoryData<string> Decoders =>
    [
        "null", """{"type": "ByteLevel"}""", """{"type": "ByteFallback"}""", """{"type": "Fuse"}""",
        """{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true}""",
        """{"type": "WordPiece", "prefix": "##", "cleanup": true}""", """{"type": "BPEDecoder", "suffix": "</w>"}""",
        """{"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": true}""",
        Sequence(Replace, """{"type": "ByteFallback"}""", """{"type": "Fuse"}""", Strip(1, 0)),
        Sequence(Replace, """{"type": "ByteFallback"}""", """{"type": "Fuse"}""", Strip(1, 1)),
        Sequence("""{"type": "ByteFallback"}""", Strip(1, 0), """{"type": "Fuse"}"""),
        Sequence("""{"type": "ByteFallback"}""", Replace, """{"type": "Fuse"}"""),
        Sequence("""{"type": "Fuse"}""", Replace),
        Sequence("""{"type": "Fuse"}""", """{"type": "ByteFallback"}"""),
        Sequence("""{"type": "ByteLevel"}""",
            """{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true}"""),
        Sequence(Strip(2, 1), """{"type": "ByteLevel"}"""),
        Sequence("""{"type": "ByteLevel"}""", Strip(1, 0)),
    ];

    private static string Replace => """{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}""";

    [Theory, MemberData(nameof(Decoders))]
    public void They_give_the_text_that_the_stages_give(string decoder)
    {
        var vocabulary = string.Join(", ", Tokens.Select((token, id) => $"{System.Text.Json.JsonSerializer.Serialize(token)}: {id}"));
        var tokenizer = TinyTokenizer.Parse($$"""
            {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
             "decoder": {{decoder}}, "model": {"type": "WordLevel", "unk_token": "a", "vocab": { {{vocabulary}} } } }
            """);
        Gen.Int[0, Tokens.Length - 1].Array[0, 60].Sample(ids =>
        {
            var expected = new TextBuffer(16);
            var stages = tokenizer.NewSequence(expected);
            foreach (var id in ids) stages.Push(tokenizer.Decoded(id)! with { Passes = false });
            stages.End();
            Assert.Equal(expected.ToString(), tokenizer.Decode(ids));
            var stream = new StreamingDecoder(tokenizer);
            Assert.Equal(expected.ToString(), string.Concat(ids.Select(stream.Append)) + stream.Flush());
        }, iter: 3000);
    }

    private static string Sequence(params string[] stages) => $$"""{"type": "Sequence", "decoders": [{{string.Join(", ", stages)}}]}""";

    private static string Strip(int start, int stop) => $$"""{"type": "Strip", "content": " ", "start": {{start}}, "stop": {{stop}}}""";
}
