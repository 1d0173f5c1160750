using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Coppice.Tests.Support;
using Coppice.Text;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>What is read besides tokenizer.json, in folders written for the test.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private const string Words = """{"model": {"type": "WordLevel", "unk_token": "u", "vocab": {"u": 0, "<s>": 1, "</s>": 2, "p": 3} } }""";

    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-text-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_chat_template_may_be_a_text_a_list_or_a_file()
    {
        Write("tokenizer.json", Words);
        Assert.Null(Tokenizer.Load(_folder).ChatTemplate);
        Write("tokenizer_config.json", """{"chat_template": "one"}""");
        Assert.Equal("one", Tokenizer.Load(_folder).ChatTemplate);
        Write("tokenizer_config.json",
            """{"chat_template": [{"name": "default", "template": "two"}, {"name": "tool_use", "template": "three"}]}""");
        Assert.Equal("two", Tokenizer.Load(_folder).ChatTemplate);
        Assert.Equal("three", Tokenizer.Load(_folder).ChatTemplates["tool_use"]);
        Write("chat_template.json", """{"chat_template": "four"}""");
        Assert.Equal("four", Tokenizer.Load(_folder).ChatTemplate);
        Write("chat_template.jinja", "five\n");
        Assert.Equal("five\n", Tokenizer.Load(_folder).ChatTemplate);
    }

    [Fact]
    public void The_pair_of_vocabulary_and_merges_is_read()
    {
        Write("vocab.json", "{\"a\": 0, \"b\": 1, \"\u0120\": 2, \"ab\": 3, \"\u0120ab\": 4, \"<|endoftext|>\": 5}");
        Write("merges.txt", "#version: 0.2\na b\n\u0120 ab\n");
        var tokenizer = Tokenizer.Load(_folder);
        Assert.Equal([3, 4, 5, 0, 2, 2], tokenizer.Encode("ab ab<|endoftext|>a  "));
        Assert.Equal("ab ab<|endoftext|>", tokenizer.Decode([3, 4, 5]));
        Assert.True(tokenizer.IsSpecial(5));
        Write("tokenizer_config.json", """
            {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true, "added_tokens_decoder":
            {"6": {"content": "<x>", "lstrip": true, "rstrip": false, "single_word": false, "normalized": false, "special": false}}}
            """);
        Assert.Equal([4, 6], Tokenizer.Load(_folder).Encode("ab <x>"));
        Write("tokenizer_config.json", """{"tokenizer_class": "CLIPTokenizer"}""");
        Assert.Contains("CLIPTokenizer", Assert.Throws<UnsupportedModelException>(() => Tokenizer.Load(_folder)).Message,
            StringComparison.Ordinal);
        Write("tokenizer_config.json", "{}");
        Write("merges.txt", "a b c\n");
        Assert.Contains("merges.txt: line[0]", Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_word_pieces_equals_the_converted_file()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedData.Require("golden/tokenizers/synthetic-wordpiece"),
            "tokenizer.json")));
        var tokens = json.RootElement.GetProperty("model").GetProperty("vocab").EnumerateObject().OrderBy(entry => entry.Value.GetInt32());
        Write("vocab.txt", string.Concat(tokens.Select(entry => entry.Name + "\n")));
        var added = json.RootElement.GetProperty("added_tokens").EnumerateArray()
            .Select(token => $"\"{token.GetProperty("id")}\": {token.GetRawText()}");
        Write("tokenizer_config.json",
            $$"""{"tokenizer_class": "BertTokenizer", "added_tokens_decoder": { {{string.Join(", ", added)}} } }""");
        CompareWithGoldens("synthetic-wordpiece");
    }

    [Fact]
    public void The_list_of_word_pieces_of_a_published_model_gives_the_ids_of_transformers()
    {
        var model = SharedData.Require("models/all-minilm-l6-v2");
        foreach (var file in new[] { "vocab.txt", "tokenizer_config.json", "special_tokens_map.json" })
            File.Copy(Path.Combine(model, file), Path.Combine(_folder, file));
        var tokenizer = Tokenizer.Load(_folder);
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Require("golden/minilm"), "golden.json")));
        foreach (var test in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            int[] expected = [.. test.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            var actual = tokenizer.Encode(test.GetProperty("text").GetString()!);
            // Long texts were cut to 256 tokens, the last of them the end.
            Assert.Equal(expected, actual.Length <= 256 ? actual : [.. actual[..255], actual[^1]]);
        }
        Assert.Equal(101, tokenizer.IdOf("[CLS]"));
        Assert.True(tokenizer.IsSpecial(103));
    }

    [Fact]
    public void A_list_of_word_pieces_follows_the_config_and_names_what_it_cannot()
    {
        Write("vocab.txt", "[UNK]\r\n[CLS]\r\n[SEP]\r\nCaf\u00e9\r\n##s\r\n");
        Write("tokenizer_config.json", """{"do_lower_case": false}""");
        Assert.Equal([1, 3, 4, 0, 2], Tokenizer.Load(_folder).Encode("Caf\u00e9s caf\u00e9"));
        Write("tokenizer_config.json", """{"tokenizer_class": "BertJapaneseTokenizer"}""");
        Assert.Contains("BertJapaneseTokenizer", Assert.Throws<UnsupportedModelException>(() => Tokenizer.Load(_folder)).Message,
            StringComparison.Ordinal);
        Write("tokenizer_config.json", """{"tokenizer_class": "BertTokenizerFast", "do_basic_tokenize": false}""");
        Assert.Contains("do_basic_tokenize", Assert.Throws<UnsupportedModelException>(() => Tokenizer.Load(_folder)).Message,
            StringComparison.Ordinal);
        Write("tokenizer_config.json", """{"cls_token": "[BEGIN]"}""");
        Assert.Equal("vocab.txt: the cls_token [BEGIN] must be among the lines, found none.",
            Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder)).Message);
    }

    [Fact]
    public void A_tokenizer_of_another_kind_is_refused_by_name()
    {
        Write("tekken.json", "{}");
        Assert.StartsWith("tekken.json: ", Assert.Throws<UnsupportedModelException>(() => Tokenizer.Load(_folder)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_SentencePiece_model_of_byte_pairs_equals_the_converted_file()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedData.Require("golden/tokenizers/llama2"),
            "tokenizer.json")));
        var model = json.RootElement.GetProperty("model");
        // A piece scores as high as its first merge ranks.
        var scores = new Dictionary<string, float>();
        foreach (var merge in model.GetProperty("merges").EnumerateArray())
            scores.TryAdd(merge.GetString()!.Replace(" ", "", StringComparison.Ordinal), -scores.Count);
        var pieces = model.GetProperty("vocab").EnumerateObject().OrderBy(entry => entry.Value.GetInt32())
            .Select((entry, id) => (entry.Name, scores.GetValueOrDefault(entry.Name, -1e6f), id == 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1));
        // Trainer: BPE (field 3) with byte fallback (35); normalizer: no map, a prefix, white space kept.
        WriteModel(pieces, [0x18, 2, 0x98, 0x02, 1], [0x18, 1, 0x20, 0]);
        CompareWithGoldens("llama2");
    }

    [Fact]
    public void A_SentencePiece_model_of_unigrams_equals_the_converted_file()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedData.Require("golden/tokenizers/synthetic-unigram"),
            "tokenizer.json")));
        var root = json.RootElement;
        var pieces = root.GetProperty("model").GetProperty("vocab").EnumerateArray()
            .Select((entry, id) => (entry[0].GetString()!, (float)entry[1].GetDouble(), id == 2 ? 2 : id < 2 ? 3 : 1)).ToList();
        var map = root.GetProperty("normalizer").GetProperty("normalizers")[0].GetProperty("precompiled_charsmap").GetBytesFromBase64();
        WriteModel(pieces, [0x18, 1], [.. Field(2, map), 0x18, 1, 0x20, 1]);
        Write("tokenizer_config.json", """{"tokenizer_class": "T5Tokenizer"}""");
        var model = Tokenizer.Load(_folder);
        var golden = GoldenCases.Load("synthetic-unigram");
        foreach (var text in new[] { "Hello world", " two  words ", "\uFF28\uFF45llo caf\u00e9 1 \u00BD", "", "   ", "a\u3000b\tc",
            "\U0001F642x" })
            Assert.Equal(golden.Encode(text.Trim()), model.Encode(text));
    }

    [Theory]
    [InlineData(new byte[] { 0x0A })]
    [InlineData(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F })]
    [InlineData(new byte[] { 0x0B, 0x01 })]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF })]
    [InlineData(new byte[] { 0x0A, 0x03, 0x0A, 0x01, 0xFF })]
    [InlineData(new byte[] { 0x0A, 0x05, 0x15, 0x00, 0x00, 0xC0, 0x7F })]
    [InlineData(new byte[] { 0x12, 0x00 })]
    [InlineData(new byte[0])]
    public void A_broken_SentencePiece_model_is_refused(byte[] bytes)
    {
        File.WriteAllBytes(Path.Combine(_folder, "tokenizer.model"), bytes);
        Assert.StartsWith("tokenizer.model: ", Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("models/smollm2-135m-instruct", "Hello world", new[] { 19556, 905 })]
    [InlineData("models/all-minilm-l6-v2", "Hello world", new[] { 101, 7592, 2088, 102 })]
    public void The_shared_models_load(string folder, string text, int[] ids)
    {
        var tokenizer = Tokenizer.Load(SharedData.Require(folder));
        Assert.Equal(ids, tokenizer.Encode(text));
        Assert.NotNull(tokenizer.SpecialTokens.UnknownId);
    }

    [Fact]
    public void One_tokenizer_serves_many_threads()
    {
        var tokenizer = GoldenCases.Load("smollm2");
        var cases = GoldenCases.Read("smollm2").ToList();
        Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            var golden = cases[i % cases.Count];
            Assert.Equal(golden.IdsSpecial, tokenizer.Encode(golden.Text));
            Assert.Equal(golden.Decoded, tokenizer.Decode(golden.Ids));
        });
    }

    private void CompareWithGoldens(string name)
    {
        var tokenizer = Tokenizer.Load(_folder);
        foreach (var golden in GoldenCases.Read(name))
        {
            Assert.Equal(golden.Ids, tokenizer.Encode(golden.Text, addSpecialTokens: false));
            Assert.Equal(golden.IdsSpecial, tokenizer.Encode(golden.Text));
            Assert.Equal(golden.Decoded, tokenizer.Decode(golden.Ids));
        }
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);

    private void WriteModel(IEnumerable<(string Text, float Score, int Kind)> pieces, byte[] trainer, byte[] normalizer)
    {
        using var file = File.Create(Path.Combine(_folder, "tokenizer.model"));
        foreach (var (text, score, kind) in pieces)
        {
            var number = new byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(number, score);
            file.Write(Field(1, [.. Field(1, Encoding.UTF8.GetBytes(text)), 0x15, .. number, 0x18, (byte)kind]));
        }
        file.Write(Field(2, trainer));
        file.Write(Field(3, normalizer));
    }

    // A length-delimited field of a Protocol Buffers message.
    private static byte[] Field(int number, byte[] content)
    {
        var head = new List<byte> { (byte)(number << 3 | 2) };
        for (var length = content.Length; ; length >>= 7)
        {
            head.Add((byte)(length < 0x80 ? length : length & 0x7F | 0x80));
            if (length < 0x80) return [.. head, .. content];
        }
    }
}
