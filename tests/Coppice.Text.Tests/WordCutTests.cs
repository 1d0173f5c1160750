using System.Text.Json;
using Coppice.Text;
using Coppice.Text.Normalizers;
using Coppice.Text.Unicode;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>
/// A text that is cut into words before it is normalized has the ids of one that is normalized as a whole, which is what the members of the
/// base class do.
/// </summary>
public sealed class WordCutTests
{
    // What steps of BERT's treat in their own way: case, marks of several classes, controls, kinds of white space, Chinese characters
    // within and beyond the first plane, punctuation of ASCII and beyond, half pairs, Hangul, added tokens.
    private static readonly string[] Parts =
    [
        "a", "B", "the", "Ing", "\u00E9", "e\u0301", "\u0301", "\u0323\u0301", "\u0345", "\u0F71\u0F72", "\u3099", "\u200D", "\u00AD",
            "\uFFFD",
        "\0", "\u0001", "\u000B", "\u000C", "\u001C", "\u007F", "\u0085", " ", "  ", "\t", "\r\n", "\u00A0", "\u2003", "\u2028", "\u3000",
        ".", ",", "-", "$", "+", "\u00AB", "\u3001", "\u2019", "\u4E2D", "\u6587", "\u3400", "\uF900", "\uD840\uDC00", "\uD800", "\uDC00",
        "\uD55C", "\u1112\u1161\u11AB", "\u0130", "\u01C5", "\u03A3", "\u1E9E", "\uFB01", "[CLS]", "[MASK]", "[", "##", "9", "\u00B2",
        "\u0E01\u0E33", "\uD83D\uDE42", new string('x', 60),
    ];

    public static TheoryData<int> Flags => [.. Enumerable.Range(0, 16)];

    [Theory, MemberData(nameof(Flags))]
    public void Words_have_the_ids_of_the_whole(int flags)
    {
        var (clean, chinese, accents, lower) = ((flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0);
        var normalizer = $$"""
            {"type": "BertNormalizer", "clean_text": {{Json(clean)}}, "handle_chinese_chars": {{Json(chinese)}},
             "strip_accents": {{Json(accents)}}, "lowercase": {{Json(lower)}} }
            """;
        var tokenizer = Tokenizer(normalizer);
        Gen.Int[0, Parts.Length - 1].Array[0, 12].Select(parts => string.Concat(parts.Select(part => Parts[part])))
            .Sample(text => Assert.Equal(tokenizer.EncodeToIds(text), tokenizer.Encode(text, addSpecialTokens: false)), iter: 3000);
    }

    // Every character is a token, first in a word and not, so that no difference is hidden in an unknown word.
    private static Tokenizer Tokenizer(string normalizer)
    {
        var text = string.Concat(Parts);
        text += Normalization.Apply(text, compose: false, compatible: false);
        text += CharacterFilter.Lowercase.Normalize(text);
        var letters = text.EnumerateRunes().Select(rune => rune.ToString()).Distinct().ToArray();
        var vocabulary = string.Join(", ", letters.Concat(letters.Select(letter => "##" + letter)).Append("[UNK]")
            .Select((token, id) => $"{JsonSerializer.Serialize(token)}: {id}"));
        return TinyTokenizer.Parse($$"""
            {"version": "1.0", "added_tokens": [{"id": 9000, "content": "[MASK]", "single_word": false, "lstrip": true, "rstrip": false,
              "normalized": false, "special": true}],
             "normalizer": {{normalizer}}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": null, "post_processor": null,
             "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
              "vocab": { {{vocabulary}} } } }
            """);
    }

    private static string Json(bool flag) => flag ? "true" : "false";
}
