using Coppice.Drafting;
using Coppice.Models;
using Coppice.Tests.Support;
using Coppice.Text;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Drafting.Heads;

/// <summary>Published layouts give the same heads (MH5), and what is not for the model is refused with one clear sentence.</summary>
public sealed class HeadLayoutTests : IDisposable
{
    private readonly HeadBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Every_layout_of_Medusa_gives_the_same_logits()
    {
        var states = HeadBench.States(3);
        var results = TinyHeads.Medusa.Select(layout =>
        {
            using var files = new TinyHeads(layout, _bench.Folder);
            var heads = _bench.Open(files.Folder, HeadKind.Medusa);
            Assert.Equal(3, heads.Heads.Depth);
            return HeadBench.Medusa(heads, states);
        }).ToArray();
        Assert.All(results, result =>
        {
            Assert.Equal(results[0].Logits, result.Logits);
            Assert.Equal(results[0].Tokens, result.Tokens);
        });
    }

    [Fact]
    public void Every_layout_of_Hydra_gives_the_same_logits()
    {
        var (states, paths) = (HeadBench.States(3), TinyModel.Prompt(9));
        var results = TinyHeads.Hydra.Select(layout =>
        {
            using var files = new TinyHeads(layout, _bench.Folder);
            var heads = _bench.Open(files.Folder, HeadKind.Hydra);
            Assert.Equal((3, layout == "hydra++"), (heads.Heads.Depth, heads.Prefix is not null));
            return HeadBench.Hydra(heads, 2, states, paths);
        }).ToArray();
        Assert.All(results, result => Assert.Equal(results[0].Logits, result.Logits));
    }

    [Fact]
    public void Biases_may_be_absent_and_a_vocabulary_may_be_padded_or_cut()
    {
        using var files = new TinyHeads("vllm", _bench.Folder, heads: 1);
        files.Remove(name => name.EndsWith("bias", StringComparison.Ordinal));
        files.Write();
        _bench.Open(files.Folder, HeadKind.Medusa);
        foreach (var rows in (int[])[88, 104])
        {
            using var other = new TinyHeads("v1", _bench.Folder, heads: 1);
            var values = new float[rows * HeadBench.Width];
            other.Head.AsSpan(0, Math.Min(rows, HeadBench.Vocabulary) * HeadBench.Width).CopyTo(values);
            other.Add("0.2.weight", values, rows, HeadBench.Width);
            other.Write();
            var (tokens, _) = HeadBench.Medusa(_bench.Open(other.Folder, HeadKind.Medusa), HeadBench.States(2));
            Assert.All(tokens, token => Assert.InRange(token, 0, HeadBench.Vocabulary - 1));
        }
    }

    [Fact]
    public void Heads_for_a_model_of_another_width_are_refused()
    {
        using var files = new TinyHeads("v1", _bench.Folder);
        files.Add("1.0.linear.weight", new float[64 * 64], 64, 64);
        Refused(files, HeadKind.Medusa, "tensor \"1.0.linear.weight\" must have the shape [48, 48] for this model, found [64, 64]");
    }

    [Fact]
    public void Heads_for_a_model_of_another_vocabulary_are_refused()
    {
        using var files = new TinyHeads("v1", _bench.Folder);
        files.Add("0.2.weight", new float[200 * 48], 200, 48);
        Refused(files, HeadKind.Medusa, "tensor \"0.2.weight\" must have the shape [96, 48] for this model, found [200, 48]");
    }

    [Fact]
    public void A_head_that_is_missing_is_named()
    {
        using var files = new TinyHeads("v1", _bench.Folder);
        files.Remove(name => name.StartsWith("1.", StringComparison.Ordinal));
        Refused(files, HeadKind.Medusa, "must hold heads from 0 on without a gap, found none numbered 1");
    }

    [Fact]
    public void A_vocabulary_that_some_heads_lack_is_refused()
    {
        using var files = new TinyHeads("v1", _bench.Folder);
        files.Remove(name => name == "1.2.weight");
        Refused(files, HeadKind.Medusa, "must hold a vocabulary matrix for each of 3 heads, or none, found 2");
    }

    [Fact]
    public void Half_of_Hydras_first_block_is_refused()
    {
        using var files = new TinyHeads("hydra", _bench.Folder);
        files.Remove(name => name == "hydra_mlp.2.0.res_connection.weight");
        Refused(files, HeadKind.Hydra, "must hold hydra_mlp.2.0.res_connection.weight beside hydra_mlp.2.0.linear.weight, found none");
    }

    [Fact]
    public void A_prefix_layer_that_lacks_a_matrix_is_refused()
    {
        using var files = new TinyHeads("hydra++", _bench.Folder);
        files.Remove(name => name.EndsWith("up_proj.weight", StringComparison.Ordinal));
        Refused(files, HeadKind.Hydra,
            "tensor \"prefix_embeding_layer.layers.0.mlp.up_proj.weight\" must be in the checkpoint, found none");
    }

    [Theory]
    [InlineData(96L, "must hold ids below the model's 96, each once, found 96 at 1")]
    [InlineData(0L, "must hold ids below the model's 96, each once, found 0 at 1")]
    [InlineData(-1L, "must hold ids below the model's 96, each once, found -1 at 1")]
    public void A_map_to_tokens_that_are_not_there_is_refused(long second, string message)
    {
        using var files = new TinyHeads("v2", _bench.Folder);
        files.Add("token_map", SafetensorsType.I64, [2], [.. BitConverter.GetBytes(0L), .. BitConverter.GetBytes(second)]);
        Refused(files, HeadKind.Medusa, message);
    }

    [Fact]
    public void Heads_of_the_other_kind_are_refused()
    {
        using var files = new TinyHeads("hydra", _bench.Folder);
        Refused(files, HeadKind.Medusa, "draft heads must be Medusa's, found Hydra's");
    }

    [Fact]
    public void Two_kinds_in_one_folder_are_refused()
    {
        using var files = new TinyHeads("hydra", _bench.Folder);
        files.Add("0.0.linear.weight", new float[48 * 48], 48, 48);
        Refused(files, HeadKind.Hydra, "must hold one kind of draft heads, found Medusa's and Hydra's");
    }

    [Fact]
    public void A_file_without_heads_says_what_heads_are_called()
    {
        using var files = new TinyHeads("v2", _bench.Folder);
        files.Remove(_ => true);
        files.Add("model.norm.weight", new float[48], 48);
        Refused(files, HeadKind.Medusa, "must hold draft heads, found no tensor named as Medusa's");
    }

    [Fact]
    public void A_pickled_file_gets_the_command_that_converts_it()
    {
        using var files = new TinyHeads("v2", _bench.Folder);
        File.Move(files.Path, Path.Combine(files.Folder, "medusa_lm_head.pt"));
        var message = Assert.Throws<CheckpointException>(() => _bench.Open(files.Folder, HeadKind.Medusa)).Message;
        Assert.Contains("found medusa_lm_head.pt, which is pickled", message, StringComparison.Ordinal);
        Assert.Contains("save_file({k: v.contiguous().clone() for k, v in p.items()}, 'medusa_lm_head.safetensors')", message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_config_of_another_model_is_refused()
    {
        using var files = new TinyHeads("v2", _bench.Folder);
        foreach (var (config, message) in ((string, string)[])
        [
            ("""{"hidden_size": 4096}""", "whose hidden_size is 48, found 4096"),
            ("""{"vocab_size": 32000}""", "whose vocab_size is 96, found 32000"),
            ("""{"base_model_fingerprint": "00ff"}""", "found base_model_fingerprint of another one"),
        ])
        {
            File.WriteAllText(Path.Combine(files.Folder, "config.json"), config);
            Refused(files, HeadKind.Medusa, message);
        }
        File.WriteAllText(
            Path.Combine(files.Folder, "config.json"),
                $$"""{"base_model_fingerprint": "{{Convert.ToHexString(_bench.Model.HeadFingerprint())}}", "medusa_num_heads": 2}""");
        Assert.Equal(3, _bench.Open(files.Folder, HeadKind.Medusa).Heads.Depth);
    }

    [Fact]
    public void Heads_are_found_in_the_models_folder_and_beside_it()
    {
        using var files = new TinyHeads("v2", _bench.Folder);
        Assert.Null(_bench.Model.OpenHeads(HeadKind.Medusa, "medusa", null, quantized: false));
        var folder = Path.Combine(_bench.Folder.Folder, "heads", "medusa");
        Directory.CreateDirectory(folder);
        File.Copy(files.Path, Path.Combine(folder, "medusa_lm_head.safetensors"));
        using var model = _bench.Folder.Load();
        Assert.NotNull(model.OpenHeads(HeadKind.Medusa, "medusa", null, quantized: false));
    }

    /// <summary>Heads that nobody asked for must not keep a model from generating.</summary>
    [Fact]
    public void Auto_passes_over_heads_for_another_model()
    {
        using var files = new TinyHeads("v2", _bench.Folder);
        var folder = Path.Combine(_bench.Folder.Folder, "heads", "medusa");
        Directory.CreateDirectory(folder);
        files.Add("1.0.linear.weight", new float[64 * 64], 64, 64);
        files.Write();
        File.Copy(files.Path, Path.Combine(folder, "medusa_lm_head.safetensors"));
        using var model = _bench.Folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 6, IgnoreEos = true };
        Assert.Equal(6, session.Ids(TinyModel.Prompt(4), options).Length);
        Assert.Throws<CheckpointException>(() => session.Ids(TinyModel.Prompt(4), options with { Drafter = new MedusaOptions() }));
    }

    [Fact]
    public void A_drafter_without_heads_says_where_they_are_looked_for()
    {
        using var session = _bench.Model.NewSession();
        var options = new GenerationOptions { MaxTokens = 4, Drafter = new HydraOptions() };
        var message = Assert.Throws<CheckpointException>(() => session.Ids(TinyModel.Prompt(4), options)).Message;
        Assert.Contains("draft heads must be there or ship for this model, found none; name a folder by heads=DIR.", message,
            StringComparison.Ordinal);
    }

    private void Refused(TinyHeads files, HeadKind kind, string message)
    {
        files.Write();
        Assert.Contains(message, Assert.Throws<CheckpointException>(() => _bench.Open(files.Folder, kind)).Message,
            StringComparison.Ordinal);
    }
}
