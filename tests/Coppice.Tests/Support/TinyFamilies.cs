using Xunit;

namespace Coppice.Tests.Support;

/// <summary>Configs of small models, one for each way in which families differ in the forward pass.</summary>
internal static class TinyFamilies
{
    private const string Sizes =
        "\"vocab_size\": 96, \"hidden_size\": 48, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"intermediate_size\": 80, "
        + "\"num_hidden_layers\": 3, \"max_position_embeddings\": 256, \"eos_token_id\": 1";

    public static IReadOnlyDictionary<string, string> Configs { get; } = new Dictionary<string, string>
    {
        ["llama"] = TinyModel.Llama,
        ["mistral"] = $$"""{"model_type": "mistral", "sliding_window": 9, {{Sizes}}}""",
        ["mixtral"] = $$"""{"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2, {{Sizes}}}""",
        ["qwen2"] = $$"""{"model_type": "qwen2", {{Sizes}}}""",
        ["qwen3"] = $$"""{"model_type": "qwen3", "head_dim": 16, {{Sizes}}}""",
        ["gemma2"] = $$"""{"model_type": "gemma2", "head_dim": 12, "sliding_window": 8, "query_pre_attn_scalar": 16, {{Sizes}}}""",
        ["gemma3"] = $$"""{"model_type": "gemma3_text", "head_dim": 12, "sliding_window": 8, "sliding_window_pattern": 2, {{Sizes}}}""",
        ["phi"] = $$"""{"model_type": "phi", "num_key_value_heads": 4, {{Sizes.Replace("\"num_key_value_heads\": 2, ", "", StringComparison.Ordinal)}}}""",
        ["gpt_neox"] = $$"""{"model_type": "gpt_neox", "num_key_value_heads": 4, "rotary_pct": 0.5, {{Sizes.Replace("\"num_key_value_heads\": 2, ", "", StringComparison.Ordinal)}}}""",
        ["granite"] = $$"""{"model_type": "granite", "embedding_multiplier": 2, "attention_multiplier": 0.2, "residual_multiplier": 0.6, "logits_scaling": 3, {{Sizes}}}""",
        ["olmo2"] = $$"""{"model_type": "olmo2", {{Sizes}}}""",
        ["smollm3"] = $$"""{"model_type": "smollm3", "no_rope_layer_interval": 2, {{Sizes}}}""",
        ["stablelm"] = $$"""{"model_type": "stablelm", "partial_rotary_factor": 0.5, "use_qkv_bias": true, {{Sizes}}}""",
        ["starcoder2"] = $$"""{"model_type": "starcoder2", "sliding_window": 9, {{Sizes}}}""",
        ["cohere2"] = $$"""{"model_type": "cohere2", "sliding_window": 9, "sliding_window_pattern": 3, "logit_scale": 0.5, {{Sizes}}}""",
        ["gpt2"] = """{"model_type": "gpt2", "vocab_size": 96, "n_embd": 48, "n_head": 4, "n_layer": 2, "n_positions": 256, "eos_token_id": 1}""",
    };

    public static TheoryData<string> Names => [.. Configs.Keys];
}
