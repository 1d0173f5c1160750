namespace Coppice.Models.Families;

/// <summary>SmolLM3: Llama in which some layers do not turn queries and keys; the list says 1 for those that do.</summary>
internal static class SmolLm3
{
    public static ModelFamily Family { get; } = new("smollm3", ["smollm3"], Read, static _ => Llama.Map);

    private static ModelSpec Read(ConfigReader config)
    {
        var spec = Llama.ReadDecoder(config, tied: true, theta: 2e6) with { KvHeads = config.DefaultSize("num_key_value_heads", 4) };
        var interval = config.DefaultSize("no_rope_layer_interval", 4);
        var turns = config.Ids("no_rope_layers");
        if (turns.Count > 0 && turns.Count < spec.Layers.Count)
            config.Malformed("no_rope_layers", $"one for each of the {spec.Layers.Count} layers", $"{turns.Count}");
        bool Turns(int layer) => layer < turns.Count ? turns[layer] != 0 : (layer + 1) % interval != 0;
        var window = config.Default("use_sliding_window", false) ? Llama.ReadWindow(config, 0) : 0;
        var layers = Llama.Windowed(config, spec, window, layer => !Turns(layer));
        return spec with
        {
            QkvBias = config.Default("attention_bias", false),
            OutputBias = config.Default("attention_bias", false),
            MlpBias = config.Default("mlp_bias", false),
            Layers = [.. layers.Select((layer, i) => layer with { Rope = Turns(i) ? 0 : null })],
        };
    }
}
