using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Weights;

/// <summary>Folders whose files contradict each other or the config: one clear error each, before any memory is asked for.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private readonly TinyModel _model = new();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_folder_without_weights_says_what_is_missing()
    {
        File.Delete(_model.WeightsPath);
        Assert.Contains("model.safetensors", Fails(), StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_model.Folder, "pytorch_model.bin"), "");
        Assert.Contains("convert", Fails(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "weight_map")]
    [InlineData("{\"weight_map\": []}", "weight_map")]
    [InlineData("{\"weight_map\": {}}", "at least one")]
    [InlineData("{\"weight_map\": {\"a\": 5}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \"../x.safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \"/etc/x.safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \"C:x.safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \"b\\\\x.safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \".safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \"x\\ud800.safetensors\"}}", "text")]
    [InlineData("{\"weight_map\": {\"a\": \"missing.safetensors\"}}", "no such file")]
    [InlineData("{\"weight_map\": {\"a\": \"x.safetensors\", \"a\": \"y.safetensors\"}}", "\"y.safetensors\" must be in the folder")]
    [InlineData("{\"weight_map\": {\"a\": \"b/../../x.safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \"b//x.safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \"./x.safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \".git/x.safetensors\"}}", "file name")]
    [InlineData("{\"weight_map\": {\"a\": \"b/\"}}", "file name")]
    [InlineData("[1]", "object")]
    [InlineData("", "JSON")]
    public void A_bad_index_is_one_clear_error(string index, string word)
    {
        File.Move(_model.WeightsPath, Path.Combine(_model.Folder, "part.safetensors"));
        File.WriteAllText(Path.Combine(_model.Folder, SafetensorsIndex.FileName), index);
        Assert.Contains(word, Fails(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_in_two_shards_is_an_error()
    {
        File.Copy(_model.WeightsPath, Path.Combine(_model.Folder, "a.safetensors"));
        File.Move(_model.WeightsPath, Path.Combine(_model.Folder, "b.safetensors"));
        File.WriteAllText(Path.Combine(_model.Folder, SafetensorsIndex.FileName),
            """{"weight_map": {"lm_head.weight": "a.safetensors", "model.norm.weight": "b.safetensors"}}""");
        Assert.Contains("one shard", Fails(), StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_give_the_same_model_as_one_file()
    {
        using var whole = _model.Load();
        var expected = Logits.Of(whole, TinyModel.Prompt(9));
        var names = _model.Tensors.ToList();
        using (var file = SafetensorsFile.Open(_model.WeightsPath))
        {
            foreach (var (shard, part) in new[] { ("a.safetensors", names[..5]), ("b.safetensors", names[5..]) })
            {
                using var writer = new SafetensorsWriter(Path.Combine(_model.Folder, shard), part);
                foreach (var (name, _, _) in part) writer.Write(file.Bytes(file.Tensors[name]));
                writer.Complete();
            }
        }
        File.Delete(_model.WeightsPath);
        var map = names.Select((n, i) => $"\"{n.Name}\": \"{(i < 5 ? 'a' : 'b')}.safetensors\"");
        File.WriteAllText(Path.Combine(_model.Folder, SafetensorsIndex.FileName), $"{{\"weight_map\": {{{string.Join(',', map)}}}}}");
        using var sharded = _model.Load();
        Assert.Equal(expected, Logits.Of(sharded, TinyModel.Prompt(9)));
    }

    [Fact]
    public void A_folder_of_symbolic_links_is_a_folder_of_files_as_in_model_caches()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("making symbolic links is a privilege on Windows");
        using var expected = _model.Load();
        var cache = Directory.CreateTempSubdirectory("coppice-links-").FullName;
        try
        {
            foreach (var file in Directory.EnumerateFiles(_model.Folder))
                File.CreateSymbolicLink(Path.Combine(cache, Path.GetFileName(file)), Path.GetRelativePath(cache, file));
            using var linked = LanguageModel.Load(cache, new ModelOptions { Device = "cpu", ContextLength = 128 });
            Assert.Equal(Logits.Of(expected, TinyModel.Prompt(9)), Logits.Of(linked, TinyModel.Prompt(9)));
            Assert.Equal(new FileInfo(_model.WeightsPath).Length, CheckpointFile.Length(Path.Combine(cache, "model.safetensors")));
        }
        finally
        {
            Directory.Delete(cache, recursive: true);
        }
    }

    [Theory]
    [InlineData("config.json", "/dev/zero", "JSON")]
    [InlineData("model.safetensors", "/dev/zero", "at least 8 bytes")]
    [InlineData("config.json", "config.json", "cannot be read")]
    [InlineData("model.safetensors", "nowhere", "cannot be read")]
    public void A_link_to_what_is_no_file_is_one_clear_error(string file, string target, string word)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("making symbolic links is a privilege on Windows");
        File.Delete(Path.Combine(_model.Folder, file));
        File.CreateSymbolicLink(Path.Combine(_model.Folder, file), target);
        var message = Fails();
        Assert.Contains(file, message, StringComparison.Ordinal);
        Assert.Contains(word, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_role_without_tensor_and_a_tensor_without_role_are_reported_together()
    {
        _model.Tensors.RemoveAll(t => t.Name == "model.layers.1.self_attn.k_proj.weight");
        _model.Tensors.Add(("model.layers.1.self_attn.k_proj.bias", SafetensorsType.F32, [24]));
        _model.Write();
        var message = Fails();
        Assert.Contains("model.layers.1.self_attn.k_proj.weight", message, StringComparison.Ordinal);
        Assert.Contains("model.layers.1.self_attn.k_proj.bias", message, StringComparison.Ordinal);
        Assert.Contains("no role", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("F64"), InlineData("I8"), InlineData("I64"), InlineData("F8_E4M3"), InlineData("BOOL")]
    public void A_type_that_the_engine_does_not_compute_with_is_refused(string name)
    {
        Assert.True(SafetensorsTypes.TryParse(name, out var type));
        _model.Tensors[0] = _model.Tensors[0] with { Type = type };
        _model.Write();
        Assert.Contains(name, Fails(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_shape_names_expected_and_found()
    {
        var index = _model.Tensors.FindIndex(t => t.Name == "model.layers.0.mlp.down_proj.weight");
        _model.Tensors[index] = _model.Tensors[index] with { Shape = [80, 48] };
        _model.Write();
        Assert.Contains("must be [48, 80], found [80, 48]", Fails(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_short_file_is_refused()
    {
        using (var stream = new FileStream(_model.WeightsPath, FileMode.Open)) stream.SetLength(stream.Length - 1);
        Assert.Contains("whole", Fails(), StringComparison.Ordinal);
    }

    [Fact]
    public void Buffers_that_carry_nothing_are_ignored_and_a_tied_head_may_be_stored_too()
    {
        _model.Tensors.Add(("model.layers.0.self_attn.rotary_emb.inv_freq", SafetensorsType.F32, [6]));
        _model.Write();
        using (_model.Load()) { }
        File.WriteAllText(Path.Combine(_model.Folder, "config.json"),
            TinyModel.Llama.Replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true", StringComparison.Ordinal));
        using (_model.Load()) { }
    }

    private string Fails() => Assert.Throws<CheckpointException>(() => _model.Load()).Message;
}
