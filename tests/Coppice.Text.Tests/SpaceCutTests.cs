using System.Text.Json;
using Coppice.Tests.Support;
using Coppice.Text;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>
/// A text that is cut at spaces before it is normalized has the ids of one that is normalized as a whole, which is what the members of the
/// base class do. Each text is encoded twice: the second time its parts are known.
/// </summary>
public sealed class SpaceCutTests
{
    // What steps at a space may treat in their own way: letters that compose, that become several or other characters, marks, kinds of
    // space, line ends, contractions, digits, punctuation, added tokens and parts of them.
    private static readonly string[] Parts =
    [
        "a", "B", "the", " ", " ", " ", "  ", " the", " b", " 's", "it's", "\u2019s", " 12", "1234", "9", ".", ",", "; ", " ;",
        " _", "_ x", "-", "\n", "\r\n", "\t", " \n ", "\u00A0", "\u2003", "\u3000", "\u00E9", "e\u0301", "\u0301", " \u0301",
        "\u0323\u0301", "\u00B4", "\u037A", "\uFB01", "\uFDFA", "\u1E9E", "\u0130", "\u2024", "\u00BD", "\u00AD", "\u200D",
        "\u4E2D", " \u6587", "\u30AB", "\uFF9E", " \uFF9E", "\u0E01\u0E33", " \u0E33", "\u0D4E", "\uD55C", "\u1112\u1161\u11AB",
        " \u1161", "\uD83D\uDE42", "\uD800", "\uDC00", "\u2581", " \u2581", "\u0338", "<\u0338", "word", " word", "two words",
        "two", " words", "[X]", " [X] ", "<y>", " <y>", "n\u00E4h", "na\u0308h", new string('x', 50),
    ];

    private const string Bpe = """ "type": "BPE", "unk_token": null, "byte_fallback": false, "fuse_unk": false, "ignore_merges": false, """;

    public static TheoryData<string, string> Steps => new()
    {
        { "null", """{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}""" },
        { "null", """{"type": "ByteLevel", "add_prefix_space": true, "use_regex": true}""" },
        { """{"type": "NFC"}""", Sequence("""{"type": "Digits", "individual_digits": true}""", ByteLevel(regex: true)) },
        {
            """
            {"type": "Sequence", "normalizers": [
              {"type": "Replace", "pattern": {"Regex": "[\u2018\u2019]"}, "content": "'"}, {"type": "NFKC"}]}
            """,
            Sequence(Split("""{"String": "\u00ad"}""", "Removed"), Split("""{"Regex": "\\p{N}{1,3}"}""", "Isolated"),
                Split("""{"Regex": "[;,]"}""", "MergedWithPrevious"), Split("""{"String": "_"}""", "MergedWithNext"),
                Split("""{"Regex": "[\u4e00-\u9fa5]+"}""", "Contiguous"), Cl100k, ByteLevel(regex: false))
        },
        { """{"type": "Lowercase"}""", Sequence(Cl100k, ByteLevel(regex: false)) },
        { """{"type": "StripAccents"}""", """{"type": "Whitespace"}""" },
        {
            """
            {"type": "Sequence", "normalizers": [
              {"type": "Nmt"}, {"type": "NFKD"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}
            """,
            """{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true}"""
        },
        { "null", """{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": true}""" },
        { "null", """{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": true}""" },
        {
            """{"type": "NFD"}""",
            Sequence("""{"type": "WhitespaceSplit"}""",
                """{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true}""")
        },
        { "null", Sequence("""{"type": "CharDelimiterSplit", "delimiter": " "}""", """{"type": "Punctuation", "behavior": "Isolated"}""") },
        {
            // Nothing of what follows is cut, so texts must stay whole.
            """
            {"type": "Sequence", "normalizers": [
              {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}
            """,
            "null"
        },
        { """{"type": "Replace", "pattern": {"Regex": "e b"}, "content": "x"}""", ByteLevel(regex: true) },
        { """{"type": "Replace", "pattern": {"Regex": "(?<=the) "}, "content": "-"}""", ByteLevel(regex: true) },
        { "null", Sequence(Split("""{"Regex": " b"}""", "MergedWithPrevious"), ByteLevel(regex: true)) },
        { "null", Sequence(Split("""{"Regex": "e b"}""", "Removed"), ByteLevel(regex: true)) },
        { "null", Sequence(Split("""{"Regex": "\\w+"}""", "Removed", invert: true), ByteLevel(regex: true)) },
    };

    private static string Cl100k => Split(
        """{"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"""
        + """| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}""",
        "Removed", invert: true);

    [Theory, MemberData(nameof(Steps))]
    public void Parts_have_the_ids_of_the_whole(string normalizer, string preTokenizer)
    {
        var tokenizer = Tokenizer(normalizer, preTokenizer);
        Gen.Int[0, Parts.Length - 1].Array[0, 14].Select(parts => string.Concat(parts.Select(part => Parts[part]))).Sample(text =>
        {
            var whole = tokenizer.EncodeToIds(text);
            Assert.Equal(whole, tokenizer.Encode(text, addSpecialTokens: false));
            Assert.Equal(whole, tokenizer.Encode(text, addSpecialTokens: false));
        }, iter: 3000);
    }

    public static TheoryData<string> Golden =>
        ["synthetic-bpe-legacy", "synthetic-bpe-split", "synthetic-unigram", "synthetic-wordpiece", "smollm2"];

    /// <summary>Real character maps of SentencePiece among them, which look at clusters.</summary>
    [Theory, MemberData(nameof(Golden))]
    public void Parts_have_the_ids_of_the_whole_in_golden_tokenizers(string folder)
    {
        var tokenizer = Coppice.Text.Tokenizer.Load(SharedData.Require("golden/tokenizers/" + folder));
        Gen.Int[0, Parts.Length - 1].Array[0, 14].Select(parts => string.Concat(parts.Select(part => Parts[part]))).Sample(text =>
        {
            var whole = tokenizer.EncodeToIds(text);
            Assert.Equal(whole, tokenizer.Encode(text, addSpecialTokens: false));
            Assert.Equal(whole, tokenizer.Encode(text, addSpecialTokens: false));
        }, iter: 3000);
    }

    private static string Sequence(params string[] steps) => $$"""{"type": "Sequence", "pretokenizers": [{{string.Join(", ", steps)}}]}""";

    private static string ByteLevel(bool regex) =>
        $$"""{"type": "ByteLevel", "add_prefix_space": false, "use_regex": {{(regex ? "true" : "false")}}}""";

    private static string Split(string pattern, string behavior, bool invert = false) =>
        $$"""{"type": "Split", "pattern": {{pattern}}, "behavior": "{{behavior}}", "invert": {{(invert ? "true" : "false")}}}""";

    // Two letters of a piece become one token, so that cuts show in the ids, and where a piece begins too.
    private static Tokenizer Tokenizer(string normalizer, string preTokenizer)
    {
        var letters = Enumerable.Range(0, 256).Select(value => Unicode.ByteAlphabet.Letter((byte)value).ToString())
            .Concat(string.Concat(Parts).EnumerateRunes().Select(rune => rune.ToString())).Append("\u2581").Distinct().ToArray();
        string[] firsts = ["t", "h", "e", "a", "b", "w", "o", "s", "x", ";", "_", "'", "1", "2", "\u0120", "\u2581", " "];
        var pairs = firsts.SelectMany(left => firsts.Select(right => (left, right))).ToArray();
        var tokens = letters.Concat(pairs.Select(pair => pair.left + pair.right)).Distinct().ToArray();
        var vocabulary = string.Join(", ", tokens.Select((token, id) => $"{JsonSerializer.Serialize(token)}: {id}"));
        var merges = string.Join(", ", pairs.Select(pair => JsonSerializer.Serialize(new[] { pair.left, pair.right })));
        return TinyTokenizer.Parse($$"""
            {"version": "1.0", "added_tokens": [
              {"id": 9000, "content": "[X]", "single_word": false, "lstrip": true, "rstrip": true, "normalized": false, "special": true},
              {"id": 9001, "content": "<y>", "single_word": false, "lstrip": true, "rstrip": false, "normalized": true, "special": false},
              {"id": 9002, "content": "two words", "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": true, "special": false},
              {"id": 9003, "content": "word", "single_word": true, "lstrip": false, "rstrip": false, "normalized": true, "special": false},
              {"id": 9004, "content": "n\u00E4h", "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": true, "special": false}],
             "normalizer": {{normalizer}}, "pre_tokenizer": {{preTokenizer}}, "decoder": null, "post_processor": null,
             "model": { {{Bpe}} "continuing_subword_prefix": null, "end_of_word_suffix": null, "dropout": null,
              "vocab": { {{vocabulary}} }, "merges": [{{merges}}] } }
            """);
    }
}
