using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Embeddings;

/// <summary>What the files of sentence-transformers say is done, or refused with the file, what it must hold and what was found.</summary>
public sealed class SentenceFolderTests : IDisposable
{
    private const string Modules = "modules.json", Settings = "1_Pooling/config.json", Lengths = "sentence_bert_config.json";
    private const string Prompts = "config_sentence_transformers.json";
    private const string Transformer = """{"path": "", "type": "sentence_transformers.models.Transformer"}""";
    private const string PoolingModule = """{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}""";

    private readonly TinyEncoder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Modules, "[", "modules.json: must be JSON")]
    [InlineData(Modules, "{}", "modules.json: must be a JSON list, found another value.")]
    [InlineData(Modules, "[]", "modules.json: must list modules, found none.")]
    [InlineData(Modules, "[7]", "modules.json: [0] must be an object, found 7.")]
    [InlineData(Modules, """[{"path": ""}]""", "modules.json: [0].type must be a string, found none")]
    [InlineData(Modules, """[{"path": "../x", "type": "sentence_transformers.models.Transformer"}]""",
        "[0].path must be a folder in this one, found \"../x\"")]
    [InlineData(Modules, """[{"path": "/etc", "type": "sentence_transformers.models.Transformer"}]""",
        "[0].path must be a folder in this one")]
    [InlineData(Modules, $"[{Transformer}]",
        "modules Transformer are not supported; supported: Transformer, Pooling and, as the last, Normalize")]
    [InlineData(Modules, $"[{Transformer}, {PoolingModule}, {{\"path\": \"2_Dense\", \"type\": \"sentence_transformers.models.Dense\"}}]",
        "modules Transformer, Pooling, Dense are not supported")]
    [InlineData(Modules, $"[{Transformer}, {{\"path\": \"1_Pooling\", \"type\": \"evil.Pooling\"}}]",
        "modules Transformer, evil.Pooling are not supported")]
    [InlineData(Settings, "[]", "1_Pooling/config.json: must be a JSON object")]
    [InlineData(Settings, """{"word_embedding_dimension": 384}""",
        "1_Pooling/config.json: word_embedding_dimension must be the model's 48, found 384.")]
    [InlineData(Settings, """{"pooling_mode_max_tokens": true}""", "pooling_mode_max_tokens true is not supported; supported: False")]
    [InlineData(Settings, """{"pooling_mode_weightedmean_tokens": true, "pooling_mode_mean_tokens": false}""",
        "pooling_mode_weightedmean_tokens true is not supported")]
    [InlineData(Settings, """{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}""",
        "2 of them true is not supported; supported: exactly one")]
    [InlineData(Settings, """{"pooling_mode_mean_tokens": false}""", "0 of them true is not supported; supported: exactly one")]
    [InlineData(Settings, """{"pooling_mode": "max"}""", "pooling_mode \"max\" is not supported; supported: mean, cls, lasttoken")]
    [InlineData(Lengths, """{"max_seq_length": 129}""",
        "sentence_bert_config.json: max_seq_length must be at most the model's 128 positions, found 129.")]
    [InlineData(Lengths, """{"max_seq_length": 0}""", "max_seq_length must be from 1 to")]
    [InlineData(Lengths, """{"max_seq_length": "long"}""", "max_seq_length must be a whole number, found \"long\"")]
    [InlineData(Prompts, """{"prompts": {"query": "q: "}, "default_prompt_name": "other"}""",
        "default_prompt_name must be the name of one of the prompts, found \"other\"")]
    [InlineData("config.json", """{"model_type": "bert"}""", "config.json: hidden_size must be a whole number, found none")]
    public void Odd_folders_are_refused_by_file_and_field(string file, string json, string message)
    {
        _folder.Write(file, json);
        var error = Assert.ThrowsAny<EngineException>(() => _folder.Load().Dispose());
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.True(error is CheckpointException or UnsupportedModelException);
    }

    [Theory]
    [InlineData("\"position_embedding_type\": \"relative_key\"",
        "position_embedding_type \"relative_key\" is not supported; supported: absolute")]
    [InlineData("\"is_decoder\": true", "is_decoder true is not supported; supported: False")]
    [InlineData("\"hidden_act\": \"mish\"", "hidden_act \"mish\" is not supported")]
    [InlineData("\"num_attention_heads\": 5", "hidden_size must be a multiple of the 5 heads, found 48")]
    public void Configs_that_ask_for_another_forward_pass_are_refused(string setting, string message)
    {
        var key = setting[..setting.IndexOf(':', StringComparison.Ordinal)];
        var config = TinyEncoder.Bert.Replace(key, "\"was\"", StringComparison.Ordinal);
        _folder.Write("config.json", config.Insert(1, setting + ", "));
        Assert.Contains(message, Assert.ThrowsAny<EngineException>(() => _folder.Load().Dispose()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RoBERTa_needs_positions_after_that_of_its_padding()
    {
        _folder.Write("config.json", TinyEncoder.Roberta.Replace("\"pad_token_id\": 1", "\"pad_token_id\": 127", StringComparison.Ordinal));
        var error = Assert.Throws<CheckpointException>(() => _folder.Load().Dispose());
        Assert.Contains("pad_token_id must be from 0 to 126, so that positions are left after it, found 127", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_that_another_names_is_an_error_and_so_are_a_missing_tokenizer_and_folder()
    {
        File.Delete(Path.Combine(_folder.Folder, "1_Pooling", "config.json"));
        Assert.Contains("config.json", Assert.Throws<CheckpointException>(() => _folder.Load()).Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(_folder.Folder, Modules));
        File.Delete(Path.Combine(_folder.Folder, "tokenizer.json"));
        Assert.Contains("must have a tokenizer", Assert.Throws<CheckpointException>(() => _folder.Load()).Message,
            StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => EmbeddingModel.Load(Path.Combine(_folder.Folder, "nowhere")));
    }

    [Theory]
    [InlineData("""{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}""", Pooling.FirstToken)]
    [InlineData("""{"pooling_mode_lasttoken": true, "pooling_mode_mean_tokens": false, "include_prompt": true}""", Pooling.LastToken)]
    [InlineData("""{"pooling_mode": "cls", "word_embedding_dimension": 48}""", Pooling.FirstToken)]
    [InlineData("""{"pooling_mode": "lasttoken"}""", Pooling.LastToken)]
    [InlineData("{}", Pooling.Mean)]
    public void The_pooling_of_the_folder_is_used(string json, Pooling pooling)
    {
        _folder.Write(Settings, json);
        _folder.Write(Modules, $"[{Transformer}, {PoolingModule}]");
        using var model = _folder.Load();
        Assert.Equal((pooling, false), (model.Pooling, model.IsNormalized));
        using var expected = _folder.Load(embedding: new EmbeddingOptions { Pooling = pooling, Normalize = false });
        Assert.Equal(expected.Embed("abc").Vector.ToArray(), model.Embed("abc").Vector.ToArray());
    }

    [Fact]
    public void Without_its_files_an_encoder_gives_means_of_length_one_up_to_its_positions()
    {
        File.Delete(Path.Combine(_folder.Folder, Modules));
        File.Delete(Path.Combine(_folder.Folder, Lengths));
        using var model = _folder.Load();
        Assert.Equal((Pooling.Mean, true, 128), (model.Pooling, model.IsNormalized, model.MaxTokens));
    }

    [Fact]
    public void The_model_may_lie_in_the_folder_that_modules_json_names()
    {
        using var expected = _folder.Load();
        foreach (var file in (string[])["config.json", "model.safetensors", "tokenizer.json", Lengths])
        {
            Directory.CreateDirectory(Path.Combine(_folder.Folder, "0_Transformer"));
            File.Move(Path.Combine(_folder.Folder, file), Path.Combine(_folder.Folder, "0_Transformer", file));
        }
        _folder.Write(Modules, $"[{Transformer.Replace("\"\"", "\"0_Transformer\"", StringComparison.Ordinal)}, {PoolingModule}]");
        using var model = _folder.Load(embedding: new EmbeddingOptions { Normalize = true });
        Assert.Equal(expected.Embed("abc").Vector.ToArray(), model.Embed("abc").Vector.ToArray());
        Assert.Equal(TinyEncoder.MaxTokens, model.MaxTokens);
    }

    [Fact]
    public void The_default_prompt_stands_in_front_and_texts_are_put_in_small_letters_where_the_folder_says_so()
    {
        using var plain = _folder.Load();
        var expected = plain.Embed("query abc").Vector.ToArray();
        Assert.NotEqual(expected, plain.Embed("query ABC").Vector.ToArray());
        _folder.Write(Prompts, """{"prompts": {"query": "query "}, "default_prompt_name": "query"}""");
        _folder.Write(Lengths, """{"max_seq_length": 100, "do_lower_case": true}""");
        using var model = _folder.Load();
        Assert.Equal(expected, model.Embed("ABC").Vector.ToArray());
        _folder.Write(Settings, """{"include_prompt": false}""");
        Assert.Throws<UnsupportedModelException>(() => _folder.Load());
    }

    [Fact]
    public void Names_without_their_prefix_and_tensors_of_training_tasks_are_read_past()
    {
        var texts = TinyEncoder.Texts(5);
        using var expected = _folder.Load();
        using var renamed = new TinyEncoder(rename: name => name["bert.".Length..]);
        renamed.Weights.Tensors.Add(("pooler.dense.weight", Coppice.Weights.SafetensorsType.F32, [48, 48]));
        renamed.Weights.Tensors.Add(("embeddings.position_ids", Coppice.Weights.SafetensorsType.I64, [1, 128]));
        renamed.Weights.Write();
        using var model = renamed.Load();
        foreach (var text in texts) Assert.Equal(expected.Embed(text).Vector.ToArray(), model.Embed(text).Vector.ToArray());
        renamed.Weights.Tensors.Add(("crossattention.weight", Coppice.Weights.SafetensorsType.F32, [48, 48]));
        renamed.Weights.Write();
        using var odd = renamed.Load();
        Assert.Contains("crossattention.weight", Assert.Single(odd.Warnings), StringComparison.Ordinal);
        foreach (var text in texts) Assert.Equal(expected.Embed(text).Vector.ToArray(), odd.Embed(text).Vector.ToArray());
    }

    [Fact]
    public void An_encoder_is_refused_where_texts_are_to_be_generated()
    {
        var error = Assert.Throws<UnsupportedModelException>(() => LanguageModel.Load(_folder.Folder, new ModelOptions { Device = "cpu" }));
        Assert.Contains("model_type \"bert\" is an encoder, which gives embeddings and no text (use EmbeddingModel, or coppice embed)",
            error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Information_about_an_encoder_needs_no_head()
    {
        var info = ModelInfo.Read(_folder.Folder);
        Assert.Equal(("bert", 3, false, 128), (info.Family, info.LayerCount, info.HasTiedHead, info.ContextLength));
        Assert.Equal(info.StoredBytes["F32"], 4 * info.ParameterCount);
    }

    /// <summary>Whatever stands in a file: a model, or one of the two exceptions about files.</summary>
    [Theory, InlineData(Modules), InlineData(Settings), InlineData(Lengths), InlineData(Prompts)]
    public void Spoilt_files_give_a_model_or_one_clear_error(string file)
    {
        _folder.Write(Prompts, """{"prompts": {"query": "query "}, "default_prompt_name": null}""");
        var good = File.ReadAllText(Path.Combine(_folder.Folder, file));
        var parts = (string[])["", "null", "[]", "{}", "-1", "1e9", "\"\\ud800\"", "true", "\0", "\"..\"", "}", ",", good];
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Int[0, 40], Gen.Int[0, parts.Length - 1]).Sample((at, length, part) =>
        {
            var end = Math.Min(at + length, good.Length);
            _folder.Write(file, good[..at] + parts[part] + good[end..]);
            try
            {
                Coppice.Embeddings.SentenceFolder.Read(_folder.Folder);
            }
            catch (EngineException error)
            {
                Assert.DoesNotContain('\n', error.Message);
            }
        }, iter: 400, threads: 1);
    }
}
