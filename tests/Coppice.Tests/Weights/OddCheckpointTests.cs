using System.Text;
using Coppice.Models;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Weights;

/// <summary>Checkpoints that are odd and still tell one model: they load as that model, and say what is odd.</summary>
public sealed class OddCheckpointTests : IDisposable
{
    private static readonly int[] Prompt = TinyModel.Prompt(9);

    private readonly TinyModel _model = new();
    private readonly float[] _expected;

    public OddCheckpointTests()
    {
        using var plain = _model.Load();
        Assert.Empty(plain.Warnings);
        _expected = Logits.Of(plain, Prompt);
    }

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData("language_model.", "language_model.")]
    [InlineData("module.", "module.")]
    [InlineData("_orig_mod.", "_orig_mod.")]
    [InlineData("base_model.model.", "base_model.model.")]
    public void What_stands_before_all_names_is_found(string prefix, string named) => LoadsRenamed(name => prefix + name, named);

    [Theory]
    [InlineData("model.language_model.")]
    [InlineData("model.text_model.")]
    public void What_stands_inside_the_names_of_the_body_is_found(string body) =>
        LoadsRenamed(name => name.StartsWith("model.", StringComparison.Ordinal) ? body + name["model.".Length..] : name, body);

    /// <summary>Two embeddings of the same size: nobody can tell which is meant.</summary>
    [Fact]
    public void Two_models_in_one_file_are_refused()
    {
        Rewrite(name => "left." + name, [.. _model.Tensors.Select(tensor => ("right." + tensor.Name, tensor.Shape))]);
        Assert.Contains("\"model.embed_tokens.weight\" must be in the checkpoint",
            Assert.Throws<CheckpointException>(() => _model.Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_model_of_a_larger_one_takes_what_the_larger_config_says_once()
    {
        var wrapped = $$"""{"model_type": "seeing", "eos_token_id": 7, "text_config": {{TinyModel.Llama.Replace(", \"eos_token_id\": 1", "", StringComparison.Ordinal)}}}""";
        Rewrite(name => "language_model." + name, [("vision_tower.patches.weight", [3L, 5])]);
        File.WriteAllText(Path.Combine(_model.Folder, "config.json"), wrapped);
        using var model = _model.Load();
        Assert.Equal(_expected, Logits.Of(model, Prompt));
        Assert.Equal([7], model.EndTokenIds);
        Assert.Contains(model.Warnings, text => text.Contains("\"vision_tower.patches.weight\"", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(_model.Folder, "config.json"),
            wrapped.Replace("\"eos_token_id\": 7", "\"quantization_config\": {\"quant_method\": \"awq\"}", StringComparison.Ordinal));
        Assert.Contains("quantised by awq", Assert.Throws<UnsupportedModelException>(() => _model.Load()).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_copy_of_the_embedding_as_head_is_no_head_of_its_own()
    {
        Tie();
        Rewrite(name => name, [], source => source == "lm_head.weight" ? "model.embed_tokens.weight" : source);
        using var copied = _model.Load();
        Assert.Empty(copied.Warnings);
        Assert.True(ModelInfo.Read(_model.Folder).HasTiedHead);
    }

    [Fact]
    public void A_head_that_differs_in_its_last_byte_counts()
    {
        Tie();
        Rewrite(name => name, [], source => source == "lm_head.weight" ? "model.embed_tokens.weight" : source);
        using (var tied = _model.Load()) Assert.NotEqual(_expected, Logits.Of(tied, Prompt));
        var tensors = TensorsOf(_model.WeightsPath);
        tensors["lm_head.weight"].Bytes[^1] ^= 1;
        Write(tensors);
        using var model = _model.Load();
        Assert.Contains("lm_head.weight\" differs", Assert.Single(model.Warnings), StringComparison.Ordinal);
        Assert.False(ModelInfo.Read(_model.Folder).HasTiedHead);
    }

    [Fact]
    public void A_shard_other_than_the_index_says_is_as_good()
    {
        var tensors = TensorsOf(_model.WeightsPath);
        Write(tensors.Take(5).ToDictionary(), "weights/a.safetensors");
        Write(tensors.Skip(5).ToDictionary(), "weights/b.safetensors");
        File.Delete(_model.WeightsPath);
        var map = tensors.Keys.Select((name, i) => $"\"{name}\": \"weights/{(i == 0 || i >= 5 ? 'b' : 'a')}.safetensors\"");
        File.WriteAllText(Path.Combine(_model.Folder, SafetensorsIndex.FileName), $"{{\"weight_map\": {{{string.Join(',', map)}}}}}");
        using var model = _model.Load();
        Assert.Equal(_expected, Logits.Of(model, Prompt));
        Assert.Contains("names a tensor found in another shard", Assert.Single(model.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer")]
    [InlineData("<html><head><title>403</title></head></html>", "web page")]
    [InlineData("PK\u0003\u0004\0\0\u0008\u0008\0\0\0\0", "PyTorch")]
    [InlineData("GGUF\u0003\0\0\0\0\0\0\0", "GGUF")]
    [InlineData("PK\u0003\u0004\0\0\0\0\0\0\0\0", "PyTorch")]      // as a length no more than 100,000,000
    [InlineData("\u0080\u0002\u008A\nl\u00FCF\u009C\u000B", "PyTorch")]
    [InlineData("Entry not found", "there was no such file")]
    [InlineData("{\"error\":\"Invalid credentials in Authorization header\"}", "message of a download")]
    [InlineData("Access to model o/n is restricted. You must be authenticated to access it.", "asked for a log-in")]
    [InlineData("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code></Error>", "XML")]
    public void Another_file_under_the_name_of_weights_is_named(string content, string expected)
    {
        File.WriteAllBytes(_model.WeightsPath, Encoding.Latin1.GetBytes(content));
        var message = Assert.Throws<CheckpointException>(() => _model.Load()).Message;
        Assert.StartsWith("model.safetensors: is ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    /// <summary>Preallocated, or cut off while it came.</summary>
    [Theory]
    [InlineData(4096, 0)]
    [InlineData(100, 100)]
    public void Weights_that_have_not_come_whole_say_so(int bytes, byte first)
    {
        var content = new byte[bytes];
        content[0] = first;
        File.WriteAllBytes(_model.WeightsPath, content);
        Assert.Contains("(was the download complete?)", Assert.Throws<CheckpointException>(() => _model.Load()).Message,
            StringComparison.Ordinal);
    }

    /// <summary>A model of several parts whose other shards somebody has left out to save space.</summary>
    [Fact]
    public void A_shard_that_the_model_does_not_need_may_be_missing()
    {
        var tensors = TensorsOf(_model.WeightsPath);
        Write(tensors.Take(5).ToDictionary(), "a.safetensors");
        Write(tensors.Skip(5).ToDictionary(), "b.safetensors");
        File.Delete(_model.WeightsPath);
        var map = tensors.Keys.Select((name, i) => $"\"{name}\": \"{(i < 5 ? 'a' : 'b')}.safetensors\"")
            .Append("\"mtp.fc.weight\": \"c.safetensors\"");
        File.WriteAllText(Path.Combine(_model.Folder, SafetensorsIndex.FileName), $"{{\"weight_map\": {{{string.Join(',', map)}}}}}");
        using (var model = _model.Load())
        {
            Assert.Equal(_expected, Logits.Of(model, Prompt));
            Assert.Equal("model.safetensors.index.json: names a tensor of shards that are not in the folder: \"mtp.fc.weight\".",
                Assert.Single(model.Warnings));
        }
        File.Delete(Path.Combine(_model.Folder, "b.safetensors"));
        Assert.Equal(
            "model.safetensors.index.json: shard \"b.safetensors\" must be in the folder, found no such file (was the download complete?).",
            Assert.Throws<CheckpointException>(() => _model.Load()).Message);
    }

    [Theory]
    [InlineData("model-q4.gguf", "GGUF")]
    [InlineData("adapter_config.json", "adapter")]
    [InlineData("params.json", "the maker's own program")]
    [InlineData("inner/config.json", "(models are in inner in it)")]
    public void A_folder_without_config_says_what_it_has(string name, string expected)
    {
        File.Delete(Path.Combine(_model.Folder, "config.json"));
        File.Delete(_model.WeightsPath);
        Directory.CreateDirectory(Path.Combine(_model.Folder, "inner"));
        File.WriteAllText(Path.Combine(_model.Folder, name), "{}");
        var message = Assert.Throws<CheckpointException>(() => _model.Load()).Message;
        Assert.StartsWith($"{_model.Folder}: a model folder must hold config.json, found none", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("adapter_model.safetensors", "adapter")]
    [InlineData("model-00001-of-00002.safetensors", "what says what they hold is missing")]
    [InlineData("model.gguf", "GGUF")]
    public void Weights_under_another_name_are_hinted_at(string name, string expected)
    {
        File.Move(_model.WeightsPath, Path.Combine(_model.Folder, name));
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => _model.Load()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qweight"), InlineData("qzeros"), InlineData("weight_scale_inv"), InlineData("weight_packed"), InlineData("weight.absmax"),
        InlineData("SCB")]
    public void Tensors_of_quantised_weights_are_refused_by_their_method(string ending)
    {
        Rewrite(name => name, [($"model.layers.0.mlp.up_proj.{ending}", [4L])]);
        Assert.Contains("a checkpoint quantised by", Assert.Throws<UnsupportedModelException>(() => _model.Load()).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN \" Infinity", "d": 1}""",
        """{"a": "NaN", "b": ["Infinity", "-Infinity"], "c": "NaN \" Infinity", "d": 1}""")]
    [InlineData("""{"NaN": Infinityx}""", """{"NaN": Infinityx}""")]
    [InlineData("NaN", "\"NaN\"")]
    [InlineData("\"\\", "\"\\")]
    [InlineData("", "")]
    public void Bare_constants_become_strings_and_nothing_else_changes(string source, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(PythonJson.WithoutConstants(Encoding.UTF8.GetBytes(source)).Span));

    [Fact]
    public void A_constant_where_a_number_is_read_is_refused_by_name()
    {
        var config = TinyModel.Llama.Replace("\"rms_norm_eps\": 1e-5", "\"rms_norm_eps\": Infinity", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_model.Folder, "config.json"), config);
        Assert.Equal("config.json: rms_norm_eps must be a number, found \"Infinity\".",
            Assert.Throws<CheckpointException>(() => _model.Load()).Message);
    }

    private void LoadsRenamed(Func<string, string> rename, string prefix)
    {
        Rewrite(rename, []);
        using var model = _model.Load();
        Assert.Equal(_expected, Logits.Of(model, Prompt));
        Assert.Equal($"checkpoint: the model's tensors begin with \"{prefix}\".", Assert.Single(model.Warnings));
    }

    private void Tie() => File.WriteAllText(
        Path.Combine(_model.Folder, "config.json"),
        TinyModel.Llama.Replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true", StringComparison.Ordinal));

    /// <summary>The file with other names, zeros in further tensors, and the bytes of <paramref name="from"/>'s tensor in each.</summary>
    private void Rewrite(Func<string, string> rename, (string Name, long[] Shape)[] further, Func<string, string>? from = null)
    {
        var tensors = TensorsOf(_model.WeightsPath);
        var written = tensors.ToDictionary(t => rename(t.Key), t => tensors[from?.Invoke(t.Key) ?? t.Key]);
        foreach (var (name, shape) in further)
            written.Add(name, (shape, new byte[sizeof(float) * shape.Aggregate(1L, (product, extent) => product * extent)]));
        Write(written);
    }

    private static Dictionary<string, (long[] Shape, byte[] Bytes)> TensorsOf(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Tensors.ToDictionary(t => t.Key, t => (t.Value.Shape, file.Bytes(t.Value).ToArray()));
    }

    private void Write(Dictionary<string, (long[] Shape, byte[] Bytes)> tensors, string name = "model.safetensors")
    {
        var path = Path.Combine(_model.Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var writer = new SafetensorsWriter(path, [.. tensors.Select(t => (t.Key, SafetensorsType.F32, t.Value.Shape))]);
        foreach (var (_, bytes) in tensors.Values) writer.Write<byte>(bytes);
        writer.Complete();
    }
}
