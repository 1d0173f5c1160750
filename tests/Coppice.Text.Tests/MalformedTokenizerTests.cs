using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests;

public sealed class MalformedTokenizerTests
{
    // What is changed in the good file (null removes a member), the error's type, and what its message must name.
    public static TheoryData<string, string?, bool, string> Changes => new()
    {
        { "model", null, false, "model must be present" },
        { "model", "[]", false, "model must be an object" },
        { "model", "3", false, "model must be an object" },
        { "model.type", "\"Transformer\"", true, "model.type \"Transformer\" is not supported; supported: BPE" },
        { "model.type", "7", false, "model.type must be a string, found 7" },
        { "model.vocab", null, false, "model.vocab must be present" },
        { "model.vocab", "[]", false, "model.vocab must be an object of tokens and ids" },
        { "model.vocab", "{\"a\": -1}", false, "model.vocab" },
        { "model.vocab", "{\"a\": 4294967295}", false, "model.vocab" },
        { "model.vocab", "{\"a\": 1e99}", false, "model.vocab" },
        { "model.vocab", "{\"a\": 0.5}", false, "model.vocab" },
        { "model.vocab", "{\"a\": \"0\"}", false, "model.vocab" },
        { "model.vocab", "{\"a\": {}}", false, "model.vocab" },
        { "model.vocab", "{}", false, "model.merges[0] must name tokens of the vocabulary, found \"a\"" },
        { "model.merges", null, false, "model.merges must be present" },
        { "model.merges", "{}", false, "model.merges must be an array of merges" },
        { "model.merges", "[[\"a\"]]", false, "model.merges must be" },
        { "model.merges", "[[\"a\", \"b\", \"c\"]]", false, "model.merges must be" },
        { "model.merges", "[[\"a\", 3]]", false, "model.merges must be a string" },
        { "model.merges", "[[\"a\", \"b\"], \"a b\"]", false, "model.merges must be an array of pairs" },
        { "model.merges", "[\"ab\"]", false, "model.merges[0] must be two tokens with one blank between" },
        { "model.merges", "[\"a b c\"]", false, "model.merges[0] must be two tokens with one blank between" },
        { "model.merges", "[[\"a\", \"nothing\"]]", false, "found \"nothing\"" },
        { "model.merges", "[[\"c\", \"a\"]]", false, "found \"ca\"" },
        { "model.unk_token", "5", false, "model.unk_token must be a string, found 5" },
        { "model.fuse_unk", "\"yes\"", false, "model.fuse_unk must be true or false" },
        { "model.byte_fallback", "1", false, "model.byte_fallback must be true or false" },
        { "added_tokens", "{}", false, "added_tokens must be an array" },
        { "added_tokens", "[3]", false, "added_tokens[0] must be an object" },
        { "added_tokens", "[{\"id\": 1}]", false, "added_tokens[0].content must be present" },
        { "added_tokens.0.id", "-3", false, "added_tokens[0].id must be an integer" },
        { "added_tokens.0.id", "99999999999", false, "added_tokens[0].id must be an integer" },
        { "added_tokens.0.special", "null", false, "added_tokens[0].special must be present" },
        { "added_tokens.1.content", "\"\\ud800\"", false, "unpaired surrogate" },
        { "normalizer", "\"NFC\"", false, "normalizer must be an object" },
        { "normalizer.type", "\"Magic\"", true, "normalizer.type \"Magic\" is not supported; supported: Sequence" },
        { "normalizer.normalizers", null, false, "normalizer.normalizers must be present" },
        { "normalizer.normalizers.1.pattern", "{}", false, "normalizer.normalizers[1].pattern.Regex must be present" },
        { "normalizer.normalizers.1.pattern.Regex", "\"(\"", false,
            "normalizer.normalizers[1].pattern.Regex must be a regular expression" },
        { "normalizer.normalizers.1.pattern.Regex", "\"(a)\\\\1\"", true, "normalizer.normalizers[1].pattern.Regex needs" },
        { "normalizer.normalizers.1", "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"?\"}", false,
            "precompiled_charsmap must be" },
        { "normalizer.normalizers.1", "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"/////w==\"}", false,
            "precompiled_charsmap must be" },
        { "pre_tokenizer.type", "\"UnicodeScripts\"", true, "pre_tokenizer.type" },
        { "pre_tokenizer.pretokenizers.0.behavior", "\"Eaten\"", true, "pre_tokenizer.pretokenizers[0].behavior \"Eaten\"" },
        { "pre_tokenizer.pretokenizers.0.invert", null, false, "pre_tokenizer.pretokenizers[0].invert must be present" },
        { "pre_tokenizer.pretokenizers.1", "{\"type\": \"Metaspace\", \"replacement\": \"ab\"}", false,
            "replacement must be a string of one character" },
        { "pre_tokenizer.pretokenizers.1", "{\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": \"last\"}", true,
            "prepend_scheme" },
        { "post_processor.type", "\"Frame\"", true, "post_processor.type \"Frame\"" },
        { "post_processor.single", "[{\"SpecialToken\": {\"id\": \"<none>\"}}]", false,
            "post_processor.single[0].SpecialToken.id must be a key" },
        { "post_processor.single", "[{\"Sequence\": {\"id\": \"B\"}}]", false, "post_processor.single[0].Sequence.id must be \"A\"" },
        { "post_processor.special_tokens", "[]", false, "post_processor.special_tokens must be an object" },
        { "decoder.type", "\"Rot13\"", true, "decoder.type \"Rot13\"" },
        { "decoder", "{\"type\": \"Strip\", \"content\": \" \", \"start\": -1, \"stop\": 0}", false, "decoder.start must be an integer" },
        { "model", "{\"type\": \"Unigram\", \"unk_id\": 2, \"vocab\": [[\"a\", -1.0]]}", false, "model.unk_id must be" },
        { "model", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", \"b\"]]}", false, "model.vocab must be pairs" },
        { "model", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 1e999]]}", false, "model.vocab must be pairs" },
        { "model", "{\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 1, 2]]}", false, "model.vocab must be" },
        { "model", "{\"type\": \"WordPiece\", \"vocab\": {}}", false, "model.unk_token must be present" },
    };

    [Theory, MemberData(nameof(Changes))]
    public void A_wrong_part_is_named_in_the_error(string path, string? value, bool unsupported, string named)
    {
        var file = TinyTokenizer.Good();
        Set(file, path.Split('.'), value);
        var text = file.ToJsonString();
        // The JSON library refuses half a surrogate pair, so it is put in afterwards.
        if (value?.Contains("\\ud800", StringComparison.Ordinal) == true)
            text = TinyTokenizer.Good().ToJsonString().Replace("\"\\u003Cx\\u003E\"", value, StringComparison.Ordinal);
        var error = Assert.ThrowsAny<EngineException>(() => TinyTokenizer.Parse(text));
        Assert.Equal(unsupported ? typeof(UnsupportedModelException) : typeof(CheckpointException), error.GetType());
        Assert.StartsWith("tokenizer.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("{} x")]
    [InlineData("nothing")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}, \"normalizer\": {\"\\ud800\": 1}}")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"\\ud800\": 1, \"merges\": []}}")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\\ud800\": 1}, \"merges\": []}}")]
    public void A_file_that_is_no_JSON_object_is_an_error(string text) =>
        Assert.Throws<CheckpointException>(() => TinyTokenizer.Parse(text));

    [Fact]
    public void Bytes_that_are_no_text_and_deep_nesting_are_errors()
    {
        Assert.Throws<CheckpointException>(() => TinyTokenizer.Parse([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]));
        Assert.Throws<CheckpointException>(() => TinyTokenizer.Parse(new string('[', 100_000)));
        Assert.Throws<CheckpointException>(() => TinyTokenizer.Parse("{\"normalizer\": " + new string('[', 100_000)));
        var sequence = string.Concat(Enumerable.Repeat("{\"type\":\"Sequence\",\"normalizers\":[", 5_000));
        Assert.Throws<CheckpointException>(() => TinyTokenizer.Parse("{\"model\":{},\"normalizer\":" + sequence));
    }

    [Fact]
    public void Gaps_and_repeated_ids_are_allowed()
    {
        var file = TinyTokenizer.Good();
        file["model"]!["vocab"] = JsonNode.Parse("""{"a": 5, "b": 5, "c": 700, "ab": 1, "bc": 2, "abc": 3}""");
        var tokenizer = TinyTokenizer.Parse(file.ToJsonString());
        Assert.Equal(701, tokenizer.VocabularySize);
        Assert.Equal([700, 5], tokenizer.Encode("c b", addSpecialTokens: false));
        Assert.Equal("ca", tokenizer.Decode([700, 5, 9]));
    }

    [Fact]
    public void A_missing_folder_or_file_is_named()
    {
        var error = Assert.Throws<CheckpointException>(() => Coppice.Text.Tokenizer.Load(Path.Combine("no", "such-folder")));
        Assert.Contains("such-folder", error.Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mutated_file_loads_and_works_or_is_refused()
    {
        var good = Encoding.UTF8.GetBytes(TinyTokenizer.Good().ToJsonString());
        var loaded = 0;
        var edit = Gen.Select(Gen.Int[0, good.Length - 1], Gen.Int[0, 60], Gen.Byte.Array[0, 6], Gen.Int[0, 3]);
        edit.Array[1, 3].Sample(edits =>
        {
            var bytes = edits.Aggregate(good, Mutate);
            try
            {
                var tokenizer = TinyTokenizer.Parse(bytes);
                tokenizer.Decode(tokenizer.Encode("abc <x> a'Sqq\u00e9\U0001F642 <s>  b"));
                Interlocked.Increment(ref loaded);
            }
            catch (EngineException error)
            {
                Assert.NotEmpty(error.Message);
            }
        }, iter: 8_000);
        Assert.True(loaded > 40, $"only {loaded} mutations loaded: the others test little");
    }

    [Fact]
    public void A_file_with_swapped_values_loads_and_works_or_is_refused()
    {
        var places = Paths(TinyTokenizer.Good(), []).ToList();
        Gen.Select(Gen.Int[0, places.Count - 1], Gen.Int[0, places.Count - 1]).Sample((from, to) =>
        {
            var file = TinyTokenizer.Good();
            var value = Find(file, places[from])?.ToJsonString() ?? "null";
            Set(file, places[to], value);
            try
            {
                var tokenizer = TinyTokenizer.Parse(file.ToJsonString());
                tokenizer.Decode(tokenizer.Encode("abc <x> a'Sqq\u00e9\U0001F642 <s>  b"));
            }
            catch (EngineException error)
            {
                Assert.NotEmpty(error.Message);
            }
        }, iter: 4_000);
    }

    private static byte[] Mutate(byte[] bytes, (int At, int Length, byte[] Insert, int Kind) edit)
    {
        var at = Math.Min(edit.At, bytes.Length);
        var end = Math.Min(bytes.Length, at + edit.Length);
        return edit.Kind switch
        {
            0 => [.. bytes[..at], .. bytes[end..]],
            1 => [.. bytes[..at], .. edit.Insert, .. bytes[at..]],
            2 => [.. bytes[..end], .. bytes[at..end], .. bytes[end..]],
            // Digits and letters change to others, so that the file often stays JSON.
            _ => [.. bytes[..at], .. bytes[at..Math.Min(at + 2, bytes.Length)].Select(value =>
                char.IsAsciiLetterOrDigit((char)value) ? (byte)(value ^ 1) : value),
                .. bytes[Math.Min(at + 2, bytes.Length)..]],
        };
    }

    private static IEnumerable<string[]> Paths(JsonNode? node, string[] path)
    {
        if (path.Length > 0) yield return path;
        var children = node switch
        {
            JsonObject map => map.Select(member => (member.Key, member.Value)),
            JsonArray list => list.Select((item, index) => (index.ToString(System.Globalization.CultureInfo.InvariantCulture), item)),
            _ => [],
        };
        foreach (var (key, child) in children)
            foreach (var below in Paths(child, [.. path, key])) yield return below;
    }

    private static JsonNode? Find(JsonNode node, ReadOnlySpan<string> path)
    {
        JsonNode? found = node;
        foreach (var key in path)
            found = found is JsonArray list ? list[int.Parse(key, System.Globalization.CultureInfo.InvariantCulture)] : found?[key];
        return found;
    }

    private static void Set(JsonNode file, string[] path, string? value)
    {
        var parent = Find(file, path.AsSpan(0, path.Length - 1))!;
        // Half a surrogate pair cannot be parsed here; the caller writes it into the text.
        var parsed = value is null || value.Contains("\\ud800", StringComparison.Ordinal) ? null : JsonNode.Parse(value);
        if (parent is JsonArray list) list[int.Parse(path[^1], System.Globalization.CultureInfo.InvariantCulture)] = parsed;
        else if (value is null) parent.AsObject().Remove(path[^1]);
        else parent[path[^1]] = parsed;
    }
}
