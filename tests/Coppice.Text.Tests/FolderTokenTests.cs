using Coppice.Text;
using Xunit;

namespace Coppice.Text.Tests;

/// <summary>
/// Which file says what about tokens, where several do: the expected values follow AutoTokenizer of transformers 5 (PreTrainedTokenizerBase
/// and TokenizersBackend) by hand.
/// </summary>
public sealed class FolderTokenTests : IDisposable
{
    /// <summary>Words u, a, b, s; s is no added token.</summary>
    private const string Words = """
        {"added_tokens": [{"id": 9, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false}],
         "pre_tokenizer": {"type": "Whitespace"},
         "model": {"type": "WordLevel", "unk_token": "u", "vocab": {"u": 0, "a": 1, "b": 2, "<s>": 3, "</s>": 4}}}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-tokens-").FullName;

    public FolderTokenTests() => Write("tokenizer.json", Words);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Tokenizer Load() => Tokenizer.Load(_folder);

    [Fact]
    public void Added_tokens_of_tokenizer_json_take_the_next_id_whatever_it_says() => Assert.Equal([1, 5, 2], Load().Encode("a<x>b"));

    /// <summary>Found by fuzzing: the template's id is what counts, as in Hugging Face tokenizers, also where it is no token's.</summary>
    [Fact]
    public void An_id_that_only_the_frame_of_texts_has_counts_as_one_of_the_vocabulary()
    {
        Write("tokenizer.json", """
            {"pre_tokenizer": {"type": "Whitespace"},
             "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                                "special_tokens": {"<s>": {"id": "<s>", "ids": [9], "tokens": ["<s>"]}}},
             "model": {"type": "WordLevel", "unk_token": "u", "vocab": {"u": 0, "a": 1}}}
            """);
        var tokenizer = Load();
        Assert.Equal([9, 1], tokenizer.Encode("a"));
        Assert.Equal(10, tokenizer.VocabularySize);
        Assert.Equal("a", tokenizer.Decode([9, 1]));
        Assert.Null(tokenizer.TokenText(9));
    }

    [Fact]
    public void A_list_in_the_config_adds_tokens_and_changes_settings()
    {
        Write("tokenizer_config.json", """
            {"added_tokens_decoder": {"7": {"content": "<z>"}, "6": {"content": "<y>", "special": true}, "5": {"content": "<x>", "special": true, "rstrip": true}}}
            """);
        var tokenizer = Load();
        // In the order of the stated ids: <x> is known, <y> and <z> are new.
        Assert.Equal([1, 5, 2, 6, 7], tokenizer.Encode("a<x>  b<y><z>"));
        Assert.Equal([true, true, false], Enumerable.Range(5, 3).Select(tokenizer.IsSpecial));
        Assert.Empty(tokenizer.Warnings);
        Write("tokenizer_config.json", """{"added_tokens_decoder": {"8": {"content": "<y>", "special": true}}}""");
        tokenizer = Load();
        Assert.Equal(6, tokenizer.IdOf("<y>"));
        Assert.Equal("tokenizer files: \"<y>\" must have the id 6 that it gets, found 8.", Assert.Single(tokenizer.Warnings));
    }

    [Fact]
    public void The_older_list_counts_where_the_config_has_none()
    {
        Write("added_tokens.json", """{"<z>": 7, "<y>": 6}""");
        Write("special_tokens_map.json", """{"additional_special_tokens": ["<y>"]}""");
        var tokenizer = Load();
        Assert.Equal([6, 7], tokenizer.Encode("<y><z>"));
        Assert.True(tokenizer.IsSpecial(6));
        Assert.False(tokenizer.IsSpecial(7));
        Write("tokenizer_config.json", """{"added_tokens_decoder": {"6": {"content": "<w>"}}}""");
        tokenizer = Load();
        Assert.Equal(6, tokenizer.IdOf("<w>"));
        Assert.Null(tokenizer.IdOf("<z>"));
    }

    [Fact]
    public void The_map_is_believed_beside_an_old_config_and_not_beside_a_new_one()
    {
        Write("special_tokens_map.json", """{"bos_token": "b", "eos_token": {"content": "</s>", "lstrip": true}, "pad_token": "a"}""");
        Write("tokenizer_config.json", """{"bos_token": "<s>", "pad_token": null}""");
        Assert.Equal(("b", "</s>", "a"), Roles());
        Write("tokenizer_config.json", """{"bos_token": "<s>", "pad_token": null, "added_tokens_decoder": {}}""");
        Assert.Equal(("<s>", "</s>", null), Roles());
        Assert.Equal([1, 4], Load().Encode("a   </s>"));       // lstrip takes the blanks
        (string?, string?, string?) Roles() => (Load().SpecialTokens.Beginning, Load().SpecialTokens.End, Load().SpecialTokens.Padding);
    }

    [Fact]
    public void A_named_token_that_the_vocabulary_does_not_have_is_a_new_one()
    {
        Write("tokenizer_config.json",
            """{"pad_token": "[PAD]", "extra_special_tokens": {"image_token": "<image>"}, "add_bos_token": false}""");
        var tokenizer = Load();
        Assert.Equal([6, 7], tokenizer.Encode("[PAD]<image>"));
        Assert.Equal(8, tokenizer.VocabularySize);
        Assert.Equal("<image>", tokenizer.SpecialTokens.Named["image_token"]);
        Assert.Equal(6, tokenizer.SpecialTokens.PaddingId);
    }

    [Theory]
    [InlineData("""{"add_bos_token": true}""", new[] { 3, 1 })]
    [InlineData("""{"add_eos_token": true}""", new[] { 1, 4 })]
    [InlineData("""{"add_bos_token": true, "add_eos_token": true}""", new[] { 3, 1, 4 })]
    [InlineData("""{"add_bos_token": false}""", new[] { 1 })]
    [InlineData("""{"add_bos_token": null}""", new[] { 2, 1 })]
    [InlineData("""{}""", new[] { 2, 1 })]
    [InlineData("""{"tokenizer_class": "LlamaTokenizerFast", "add_eos_token": true}""", new[] { 3, 1, 4 })]
    [InlineData("""{"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": true, "bos_token": null}""", new[] { 1 })]
    public void What_frames_a_text_is_the_configs_to_say(string config, int[] expected)
    {
        Write("tokenizer.json", Words.TrimEnd()[..^1] + """
            , "post_processor": {"type": "TemplateProcessing", "special_tokens": {"b": {"id": "b", "ids": [2], "tokens": ["b"]}},
              "single": [{"SpecialToken": {"id": "b", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}}
            """);
        Write("special_tokens_map.json", config.Contains("Llama", StringComparison.Ordinal)
            ? "{}" : """{"bos_token": "<s>", "eos_token": "</s>"}""");
        Write("tokenizer_config.json", config);
        Assert.Equal(expected, Load().Encode("a"));
        Assert.Equal([1], Load().Encode("a", addSpecialTokens: false));
    }

    [Fact]
    public void Classes_have_usual_tokens_where_the_vocabulary_does()
    {
        Write("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizer"}""");
        var special = Load().SpecialTokens;
        Assert.Equal(("<s>", 3, "</s>", 4), (special.Beginning, special.BeginningId, special.End, special.EndId));
        Assert.Null(special.Unknown);       // <unk> is not in the vocabulary
        Write("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizer", "eos_token": null}""");
        Assert.Null(Load().SpecialTokens.End);
        Write("tokenizer_config.json", """{"tokenizer_class": "PreTrainedTokenizerFast"}""");
        Assert.Null(Load().SpecialTokens.End);
    }

    [Fact]
    public void Length_and_clean_up_are_told_and_not_applied()
    {
        Write("tokenizer_config.json", """{"model_max_length": 512, "clean_up_tokenization_spaces": true}""");
        Assert.Equal((512, true), (Load().MaxLength, Load().CleansUpSpaces));
        foreach (var none in (string[])["1000000000000000019884624838656", "1e30", "null", "\"many\"", "0", "2.5", "Infinity"])
        {
            Write("tokenizer_config.json", $$"""{"model_max_length": {{none}}}""");
            Assert.Equal((null, false), (Load().MaxLength, Load().CleansUpSpaces));
        }
        // By the replacements of clean_up_tokenization, in their order.
        Assert.Equal("It's I'm, we've; don't 'x'? no! end.", Tokenizer.CleanUpSpaces("It 's I 'm , we 've; do n't 'x' ? no ! end ."));
        Assert.Equal("a'b", Tokenizer.CleanUpSpaces("a ' b"));
    }

    [Fact]
    public void A_template_that_is_none_leaves_the_tokenizer_as_it_is()
    {
        foreach (var (config, names) in ((string, string[])[])[
            ("""{"chat_template": 4}""", []), ("""{"chat_template": {"default": "d", "tool_use": 5}}""", ["default"]),
            ("""{"chat_template": [{"name": "rag", "template": "r"}, 3, {"name": 1}]}""", ["rag"])])
        {
            Write("tokenizer_config.json", config);
            var tokenizer = Load();
            Assert.Equal([1], tokenizer.Encode("a"));
            Assert.Equal(names, tokenizer.ChatTemplates.Keys);
            Assert.All(tokenizer.Warnings, text => Assert.StartsWith("tokenizer_config.json: chat_template", text,
                StringComparison.Ordinal));
            Assert.NotEmpty(tokenizer.Warnings);
        }
    }

    [Fact]
    public void A_hubs_cache_is_followed_to_the_snapshot_that_it_names()
    {
        var snapshot = Directory.CreateDirectory(Path.Combine(_folder, "snapshots", "12ab")).FullName;
        Directory.CreateDirectory(Path.Combine(_folder, "blobs"));
        File.Move(Path.Combine(_folder, "tokenizer.json"), Path.Combine(_folder, "blobs", "feed"));
        File.WriteAllText(Path.Combine(snapshot, "tokenizer.json"), "../../blobs/feed");       // a link that became a text
        Assert.Equal([1], Load().Encode("a"));        // the only snapshot
        Directory.CreateDirectory(Path.Combine(_folder, "snapshots", "34cd"));
        Assert.Contains("refs/main", Assert.Throws<CheckpointException>(Load).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(_folder, "refs"));
        Write(Path.Combine("refs", "main"), "12ab\n");
        Assert.Equal([1], Load().Encode("a"));
        foreach (var name in (string[])["../..", ".", "", "/etc", "56ef", "a\\b"])
        {
            Write(Path.Combine("refs", "main"), name);
            Assert.Contains("refs/main", Assert.Throws<CheckpointException>(Load).Message, StringComparison.Ordinal);
        }
        Write(Path.Combine("refs", "main"), "12ab");
        foreach (var text in (string[])["../../blobs/../refs/main", "../../refs/main", "../../blobs/", "../../../etc/passwd"])
        {
            File.WriteAllText(Path.Combine(snapshot, "tokenizer.json"), text);
            Assert.Contains("JSON", Assert.Throws<CheckpointException>(Load).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "Git LFS pointer")]
    [InlineData("<!DOCTYPE html><html>", "web page")]
    [InlineData("GGUF\u0003\0\0\0", "GGUF")]
    public void Another_file_under_the_name_is_named(string content, string expected)
    {
        foreach (var name in (string[])["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"])
        {
            Write("tokenizer.json", Words);
            Write(name, content);
            var message = Assert.Throws<CheckpointException>(Load).Message;
            Assert.StartsWith(name, message, StringComparison.Ordinal);
            Assert.Contains(expected, message, StringComparison.Ordinal);
            File.Delete(Path.Combine(_folder, name));
        }
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
