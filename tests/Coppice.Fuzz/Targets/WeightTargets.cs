using System.Text;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Fuzz;

/// <summary>What a checkpoint's weights are described by.</summary>
internal static class WeightTargets
{
    private const int DataBytes = 24;

    private static readonly byte[][] JsonWords = Targets.Utf8(
        "{", "}", "[", "]", ",", ":", "null", "true", "-1", "1e300", "\"\"", "\\ud800", "NaN", "-Infinity", "[[[[[[[[", "\"a\":", "\ufeff",
            "\0");

    /// <summary>The header of a safetensors file whose data has 24 bytes.</summary>
    public static Target Header { get; } = new(
        "safetensors-header",
        Targets.Utf8(
            """{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[16,24]}}""",
            """{"__metadata__":{"format":"pt"},"x":{"dtype":"I8","shape":[24],"data_offsets":[0,24]}}   """,
            """{"e":{"dtype":"F64","shape":[0,3],"data_offsets":[0,0]},"f":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"g":{"dtype":"BOOL","shape":[23],"data_offsets":[1,24]}}"""),
        [.. JsonWords, .. Targets.Utf8("\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "\"F8_E4M3\"", "\"F4\"",
            "4611686018427387904")],
        static () => static input =>
        {
            var header = SafetensorsHeader.Parse("model.safetensors", input, DataBytes);
            // What later reads rely on: the tensors cover the data.
            var covered = header.Tensors.Values.Sum(tensor => tensor.Bytes);
            if (covered != DataBytes) throw new InvalidDataException($"tensors cover {covered} of {DataBytes} bytes");
        });

    /// <summary>The index of shards.</summary>
    public static Target Index { get; } = new(
        "safetensors-index",
        Targets.Utf8("""{"metadata":{"total_size":8},"weight_map":{"a":"model-1.safetensors","b":"w/model-2.safetensors","b":"c.safetensors"}}"""),
        [.. JsonWords, .. Targets.Utf8("\"weight_map\"", "../", "/etc/x.safetensors", ".safetensors", "C:", "\\\\", "//")],
        static () => static input =>
        {
            using var document = JsonFile.Parse(SafetensorsIndex.FileName, input);
            var index = SafetensorsIndex.Of(document.RootElement);
            var root = Path.GetFullPath("model") + Path.DirectorySeparatorChar;
            foreach (var shard in index.Shards)
            {
                if (!Path.GetFullPath(Path.Combine(root, shard)).StartsWith(root, StringComparison.Ordinal))
                    throw new InvalidDataException($"a shard leaves the folder: {shard}");
            }
        });

    /// <summary>config.json, of a family of each kind.</summary>
    public static Target Config { get; } = new(
        "config",
        Targets.Utf8(
            """{"model_type":"llama","vocab_size":96,"hidden_size":48,"num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":80,"num_hidden_layers":2,"rms_norm_eps":1e-5,"rope_scaling":{"rope_type":"llama3","factor":2.0,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64},"hidden_act":"silu","eos_token_id":[1,2]}""",
            """{"model_type":"gemma3_text","vocab_size":96,"hidden_size":48,"num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":80,"num_hidden_layers":3,"head_dim":12,"sliding_window":8,"layer_types":["sliding_attention","full_attention","sliding_attention"]}""",
            """{"model_type":"qwen3_moe","vocab_size":96,"hidden_size":48,"num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":80,"num_hidden_layers":3,"num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":16,"mlp_only_layers":[1],"decoder_sparse_step":1}""",
            """{"model_type":"gpt2","vocab_size":96,"n_embd":48,"n_head":4,"n_layer":2,"n_positions":64}""",
            """{"model_type":"phi3","vocab_size":96,"hidden_size":48,"num_attention_heads":4,"intermediate_size":80,"num_hidden_layers":1,"original_max_position_embeddings":32,"max_position_embeddings":64,"rope_scaling":{"type":"longrope","short_factor":[1,1,1,1,1,1],"long_factor":[2,2,2,2,2,2]}}""",
            """{"model_type":"seeing","text_config":{"model_type":"mistral","vocab_size":96,"hidden_size":48,"num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":80,"num_hidden_layers":1,"sliding_window":null,"x":[NaN,-Infinity]},"eos_token_id":3}"""),
        [.. JsonWords, .. Targets.Utf8("\"rope_scaling\"", "\"yarn\"", "\"linear\"", "\"quantization_config\"", "\"text_config\"",
            "\"quant_method\"", "131072", "\"phi\"")],
        static () => static input =>
        {
            var config = ConfigReader.Parse(Encoding.UTF8.GetString(input));
            if (config.TextModel() is { } text && !ModelFamily.Reads(config)) config = text;
            var (_, spec) = ModelFamily.Read(config);
            config.Ids("eos_token_id");
            config.ThrowProblems();
            // Products of sizes that are computed later must be within 64 bits, and heads must divide.
            checked
            {
                _ = (long)spec.VocabularySize * spec.HiddenSize * sizeof(float) + (long)spec.QkvWidth * spec.HiddenSize * sizeof(float);
            }
            if (spec.QueryHeads % spec.KvHeads != 0) throw new InvalidDataException("heads do not divide");
        });
}
