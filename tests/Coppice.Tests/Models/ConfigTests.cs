using Coppice.Kernels;
using Coppice.Loading;
using Coppice.Models;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Models;

/// <summary>Configs: all problems at once, nothing guessed, no other exception.</summary>
public sealed class ConfigTests
{
    private const string Good = """
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 80,
         "num_hidden_layers": 2, "rms_norm_eps": 1e-5, "rope_scaling": {"rope_type": "linear", "factor": 2.0}, "hidden_act": "silu"}
        """;

    private static ModelSpec Read(string json) => ModelFamily.Read(ConfigReader.Parse(json)).Spec;

    [Fact]
    public void All_problems_are_reported_together_with_file_key_and_value()
    {
        var error = Assert.Throws<CheckpointException>(() => Read(
            """{"model_type": "llama", "vocab_size": 0, "hidden_size": "48", "num_attention_heads": 2.5, "num_hidden_layers": 2, "hidden_act": "tanhish"}"""));
        foreach (var word in (string[])["config.json", "vocab_size", "hidden_size", "\"48\"", "num_attention_heads", "2.5",
            "intermediate_size", "tanhish", "gelu"])
            Assert.Contains(word, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"llama\"", "\"lama\"", "qwen2")]
    [InlineData("\"silu\"", "\"mish\"", "silu")]
    [InlineData("\"linear\"", "\"foo\"", "linear, dynamic, llama3, yarn, longrope")]
    public void What_the_engine_has_not_names_what_it_has(string text, string replacement, string word)
    {
        var error = Assert.Throws<UnsupportedModelException>(() => Read(Good.Replace(text, replacement, StringComparison.Ordinal)));
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "divisor")]
    [InlineData("\"hidden_size\": 48", "\"hidden_size\": 50", "multiple")]
    [InlineData("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 100000", "num_hidden_layers")]
    [InlineData("\"vocab_size\": 96", "\"vocab_size\": 9999999999", "vocab_size")]
    [InlineData("\"rms_norm_eps\": 1e-5", "\"rms_norm_eps\": -1", "at least 0")]
    [InlineData("\"factor\": 2.0", "\"factor\": 0", "factor")]
    [InlineData(", \"factor\": 2.0", "", "factor")]
    [InlineData("{\"rope_type\": \"linear\", \"factor\": 2.0}", "7", "rope_scaling")]
    public void Contradictions_are_checkpoint_errors(string text, string replacement, string word)
    {
        var error = Assert.Throws<CheckpointException>(() => Read(Good.Replace(text, replacement, StringComparison.Ordinal)));
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Found by the fuzzer: looking for a key met the broken one on its way.</summary>
    [Theory]
    [InlineData("{\"\\ud800\": 1, \"model_type\": \"llama\"}")]
    [InlineData("{\"model_type\": \"llama\", \"rope_scaling\": {\"\\udc00x\": 1}}")]
    [InlineData("{\"model_type\": \"llama\", \"a\": [[{\"\\ud83d\": 1}]]}")]
    public void A_key_that_is_no_text_is_a_checkpoint_error(string json) =>
        Assert.Contains("config.json: must be JSON", Assert.Throws<CheckpointException>(() => Read(json)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Mutated_configs_of_every_family_give_specs_or_engine_errors_only()
    {
        var configs = Support.TinyFamilies.Configs.Values.Append(Good).ToArray();
        string[] values = ["null", "true", "-1", "0", "3", "1e300", "2147483648", "\"x\"", "[]", "[1, 2]", "{}",
            "{\"rope_type\": \"yarn\", \"factor\": 4}", "{\"type\": \"longrope\"}"];
        string[] keys = ["rope_scaling", "rope_parameters", "layer_types", "sliding_window", "head_dim", "eos_token_id", "mlp_only_layers",
            "no_rope_layers"];
        Gen.Select(Gen.Int[0, configs.Length - 1], Gen.Int[0, 40], Gen.Int[0, values.Length - 1], Gen.Bool)
            .Sample((config, at, value, add) =>
        {
            using var document = System.Text.Json.JsonDocument.Parse(configs[config]);
            var properties = document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetRawText());
            properties[add ? keys[at % keys.Length] : properties.Keys.ElementAt(at % properties.Count)] = values[value];
            try { Read($"{{{string.Join(',', properties.Select(p => $"\"{p.Key}\": {p.Value}"))}}}"); }
            catch (EngineException) { }
        }, iter: 5000);
    }

    [Fact]
    public void Frequencies_follow_their_formulas()
    {
        var plain = new RopeSpec { Theta = 10000, RotaryDim = 8 };
        Assert.Equal([1, 0.1, 0.01, 0.001], plain.Frequencies().Select(f => Math.Round(f, 12)));
        Assert.Equal(0.025, (plain with { Scaling = RopeScaling.Linear, Factor = 4 }).Frequencies()[1], 1e-12);
        var llama3 = (plain with
        {
            Scaling = RopeScaling.Llama3,
            Factor = 8,
            LowFrequencyFactor = 1,
            HighFrequencyFactor = 4,
            OriginalContext = 100
        }).Frequencies();
        Assert.Equal(1, llama3[0]);                                     // wavelength 6.3 < 100 / 4
        Assert.Equal(0.01 / 8, llama3[2], 1e-12);                       // wavelength 628 > 100
        var smooth = (100 / (20 * Math.PI) - 1) / 3;
        Assert.Equal((1 - smooth) * 0.1 / 8 + smooth * 0.1, llama3[1], 1e-12);
        var longrope = plain with
        {
            Scaling = RopeScaling.Long,
            OriginalContext = 32,
            ShortFactors = [1, 2, 1, 1],
            LongFactors = [1, 4, 1, 1]
        };
        Assert.Equal((0.05, 0.025), (longrope.Frequencies()[1], longrope.Frequencies(beyond: true)[1]));
    }

    [Fact]
    public void Yarn_leaves_fast_pairs_and_interpolates_slow_ones()
    {
        var yarn = new RopeSpec { Theta = 10000, RotaryDim = 64, Scaling = RopeScaling.Yarn, Factor = 4, OriginalContext = 4096 };
        var (scaled, plain) = (yarn.Frequencies(), new RopeSpec { Theta = 10000, RotaryDim = 64 }.Frequencies());
        // 64 ln(4096 / (2π β)) / (2 ln 10000): pairs 10.48 for β = 32 and 22.52 for β = 1, rounded outwards to 10 and 23.
        for (var i = 0; i <= 10; i++) Assert.Equal(plain[i], scaled[i], 1e-15);
        for (var i = 23; i < 32; i++) Assert.Equal(plain[i] / 4, scaled[i], 1e-15);
        Assert.Equal(plain[16] * (7.0 / 13 + 6.0 / 13 / 4), scaled[16], 1e-12);
        var spec = Read(Good.Replace("{\"rope_type\": \"linear\", \"factor\": 2.0}", "{\"rope_type\": \"yarn\", \"factor\": 4.0}",
            StringComparison.Ordinal));
        Assert.Equal(0.1 * Math.Log(4) + 1, spec.Ropes[0].AttentionFactor, 1e-12);
    }

    [Fact]
    public void Settings_are_read_as_the_families_mean_them()
    {
        var cohere = Read(Support.TinyFamilies.Configs["cohere2"]);
        Assert.Equal(RopePairing.Interleaved, cohere.Ropes[0].Pairing);
        Assert.Equal([(9, 0), (9, 0), (0, (int?)null)], cohere.Layers.Select(l => (l.Window, l.Rope)));
        Assert.Equal([(8, 1), (0, 0), (8, (int?)1)], Read(Support.TinyFamilies.Configs["gemma3"]).Layers.Select(l => (l.Window, l.Rope)));
        Assert.Equal([0, (int?)null, 0], Read(Support.TinyFamilies.Configs["smollm3"]).Layers.Select(l => l.Rope));
        Assert.Equal(1f / 3, Read(Support.TinyFamilies.Configs["granite"]).LogitScale);
    }

    [Theory]
    [InlineData("{\"eos_token_id\": [5, 3, 5]}", new[] { 3, 5 })]
    [InlineData("{\"eos_token_id\": 7}", new[] { 7 })]
    [InlineData("{}", new[] { 1 })]
    public void End_tokens_come_from_the_generation_config_first(string generation, int[] expected)
    {
        using var folder = new Support.TinyModel();
        File.WriteAllText(Path.Combine(folder.Folder, "generation_config.json"), generation);
        Assert.Equal(expected, ModelFolder.Read(folder.Folder).Defaults.EndIds);
    }

    /// <summary>Whatever generation_config.json names and the model cannot end with, config.json's end token stands.</summary>
    [Theory]
    [InlineData("[96]", new[] { 1 }, "96")]
    [InlineData("[3, null]", new[] { 3 }, "null")]
    [InlineData("[3, \"</s>\"]", new[] { 3 }, "\"</s>\"")]
    [InlineData("[3, 2.5]", new[] { 3 }, "2.5")]
    [InlineData("\"3\"", new[] { 1 }, "\"3\"")]
    [InlineData("true", new[] { 1 }, "true")]
    [InlineData("1e30", new[] { 1 }, "1e30")]
    [InlineData("{\"a\": 3}", new[] { 1 }, "{\"a\": 3}")]
    public void An_end_token_that_is_none_is_ignored_beside_a_good_one(string ids, int[] expected, string found)
    {
        using var folder = new Support.TinyModel();
        File.WriteAllText(Path.Combine(folder.Folder, "generation_config.json"), $"{{\"eos_token_id\": {ids}}}");
        var read = ModelFolder.Read(folder.Folder);
        Assert.Equal(expected, read.Defaults.EndIds);
        var warning = Assert.Single(read.Warnings);
        Assert.StartsWith("generation_config.json: eos_token_id must be ", warning, StringComparison.Ordinal);
        Assert.EndsWith($", found {found}; it is ignored.", warning, StringComparison.Ordinal);
        var config = Support.TinyModel.Llama.Replace(", \"eos_token_id\": 1", "", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder.Folder, "config.json"), config);
        if (expected is [3]) Assert.Equal(expected, ModelFolder.Read(folder.Folder).Defaults.EndIds);
        else
            Assert.EndsWith($", found {found}.", Assert.Throws<CheckpointException>(() => ModelFolder.Read(folder.Folder)).Message,
                StringComparison.Ordinal);
    }

    /// <summary>A value that is not read is answered by another, and what that contradicts is no fault of the file.</summary>
    [Theory]
    [InlineData("\"num_attention_heads\": 4", "\"num_attention_heads\": \"4\"", "num_attention_heads must be a whole number, found \"4\"")]
    [InlineData("\"hidden_size\": 48", "\"hidden_size\": null", "hidden_size must be a whole number, found null")]
    [InlineData("\"hidden_size\": 48", "\"hidden_size\": 48, \"head_dim\": -1", "head_dim must be from 1 to 134,217,728, found -1")]
    [InlineData("\"hidden_size\": 48", "\"hidden_size\": 48, \"head_dim\": \"12\"", "head_dim must be a whole number, found \"12\"")]
    public void A_value_that_is_wrong_brings_no_other_errors(string text, string replacement, string expected) => Assert.Equal(
        $"config.json: {expected}.",
        Assert.Throws<CheckpointException>(() => Read(Good.Replace(text, replacement, StringComparison.Ordinal))).Message);

    /// <summary>Line and byte are counted from 1, as editors do.</summary>
    [Theory]
    [InlineData("", "must be JSON, but it is empty (was the download complete?)")]
    [InlineData(" \r\n", "must be JSON, but it is empty (was the download complete?)")]
    [InlineData("{\n\"a\": 1,\n}", "must be JSON, found a mistake in line 3, byte 1: The JSON object contains a trailing comma at the end")]
    [InlineData("{}}", "must be JSON, found a mistake in line 1, byte 3: '}' is invalid after a single JSON value")]
    public void A_file_that_is_not_JSON_is_described_in_plain_words(string json, string expected)
    {
        Assert.StartsWith($"config.json: {expected}", Assert.Throws<CheckpointException>(() => Read(json)).Message,
            StringComparison.Ordinal);
        using var folder = new Support.TinyModel();
        File.WriteAllText(Path.Combine(folder.Folder, "tokenizer.json"), json);
        var message = Assert.Throws<CheckpointException>(() => Coppice.Text.Tokenizer.Load(folder.Folder)).Message;
        Assert.StartsWith($"tokenizer.json: {expected}", message, StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_in_UTF_16_is_called_so()
    {
        using var folder = new Support.TinyModel();
        foreach (var name in (string[])["config.json", "tokenizer.json"])
        {
            File.WriteAllText(Path.Combine(folder.Folder, name), "{}", System.Text.Encoding.Unicode);
            var message = Assert.Throws<CheckpointException>(() =>
            {
                if (name == "config.json") ModelFolder.Read(folder.Folder);
                else Coppice.Text.Tokenizer.Load(folder.Folder);
            }).Message;
            Assert.Contains("found UTF-16 (save it as UTF-8)", message, StringComparison.Ordinal);
        }
    }
}
