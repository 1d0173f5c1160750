using System.Text;
using Coppice.Text;
using Xunit;

namespace Coppice.Text.Tests;

public sealed class GoldenTokenizerTests
{
    public static TheoryData<string> Names => [.. GoldenCases.Names];

    [Theory, MemberData(nameof(Names))]
    public void Ids_and_texts_equal_the_goldens(string name)
    {
        var tokenizer = GoldenCases.Load(name);
        var wrong = new StringBuilder();
        var count = 0;
        foreach (var golden in GoldenCases.Read(name))
        {
            count++;
            Compare(wrong, golden.Id, "ids", golden.Ids, tokenizer.Encode(golden.Text, addSpecialTokens: false));
            Compare(wrong, golden.Id, "ids_special", golden.IdsSpecial, tokenizer.Encode(golden.Text));
            Compare(wrong, golden.Id, "decoded", golden.Decoded, golden.Decoded022, tokenizer.Decode(golden.Ids));
            Compare(wrong, golden.Id, "decoded_skip", golden.DecodedSkip, golden.DecodedSkip022, tokenizer.Decode(golden.IdsSpecial, true));
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
        Assert.True(count >= 200, $"only {count} cases were read");
    }

    [Theory, MemberData(nameof(Names))]
    public void Streamed_text_equals_the_decoded_text(string name)
    {
        var tokenizer = GoldenCases.Load(name);
        foreach (var skip in new[] { false, true })
        {
            var decoder = new StreamingDecoder(tokenizer, skip);
            foreach (var golden in GoldenCases.Read(name))
            {
                var text = new StringBuilder();
                foreach (var id in golden.IdsSpecial) text.Append(Whole(decoder.Append(id)));
                text.Append(Whole(decoder.Flush()));
                Assert.Equal(tokenizer.Decode(golden.IdsSpecial, skip), text.ToString());
            }
        }
    }

    private static string Whole(string part)
    {
        Assert.True(part.Length == 0 || (!char.IsLowSurrogate(part[0]) && !char.IsHighSurrogate(part[^1])), "a character was split");
        return part;
    }

    private static void Compare(StringBuilder wrong, string id, string what, int[] expected, int[] found)
    {
        if (!expected.SequenceEqual(found))
            wrong.AppendLine($"{id} {what}: expected {string.Join(' ', expected.Take(40))}, found {string.Join(' ', found.Take(40))}");
    }

    private static void Compare(StringBuilder wrong, string id, string what, string expected, string? alternative, string found)
    {
        if (found != expected && found != alternative) wrong.AppendLine($"{id} {what}: expected {Shown(expected)}, found {Shown(found)}");
    }

    private static string Shown(string text) => System.Text.Json.JsonSerializer.Serialize(text.Length > 200 ? text[..200] : text);
}
