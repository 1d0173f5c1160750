using System.Text;
using System.Text.Json.Nodes;
using Coppice.Text;
using Coppice.Text.Files;

namespace Coppice.Text.Tests;

/// <summary>Small tokenizer.json files written in the tests, so that a failure can be read at a glance.</summary>
internal static class TinyTokenizer
{
    /// <summary>A byte-level BPE file with a bit of everything; tests change parts of it.</summary>
    public static JsonObject Good() => JsonNode.Parse("""
        {
          "version": "1.0", "truncation": null, "padding": null,
          "added_tokens": [
            {"id": 8, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
            {"id": 9, "content": "<x>", "single_word": false, "lstrip": true, "rstrip": true, "normalized": true, "special": false}
          ],
          "normalizer": {"type": "Sequence",
              "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "q+"}, "content": "a"}]},
          "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "(?i:'s)|\\p{L}+|\\s+(?!\\S)"}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
          "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [8], "tokens": ["<s>"]}}},
          "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
          "model": {"type": "BPE", "dropout": null, "unk_token": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": {"a": 0, "b": 1, "c": 2, "\u0120": 3, "ab": 4, "abc": 5, "bc": 6, "'": 7},
            "merges": [["a", "b"], ["ab", "c"], ["b", "c"]]}
        }
        """)!.AsObject();

    /// <summary>The tokenizer of a file with this text.</summary>
    public static Tokenizer Parse(string json) => Parse(Encoding.UTF8.GetBytes(json));

    /// <summary>The tokenizer of a file with these bytes.</summary>
    public static Tokenizer Parse(byte[] json) => new(TokenizerJson.Read(JsonSource.Of("tokenizer.json", json)));

    /// <summary>A word-level tokenizer over <paramref name="vocabulary"/> with the parts given as JSON.</summary>
    public static Tokenizer Words(string vocabulary, string added = "[]", string normalizer = "null", string preTokenizer = "null",
        string decoder = "null",
        string postProcessor = "null") =>
        Parse($$"""
            {"version": "1.0", "added_tokens": {{added}}, "normalizer": {{normalizer}}, "pre_tokenizer": {{preTokenizer}},
                "decoder": {{decoder}},
            "post_processor": {{postProcessor}}, "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {{vocabulary}} } }
            """);
}
