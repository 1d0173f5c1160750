using Coppice.Kernels;

namespace Coppice.Models.Families;

/// <summary>
/// Command R and R7B (Cohere 1 and 2): layer norms without bias, attention and MLP side by side, interleaved rotation, scaled logits; in 2
/// only windowed layers turn.
/// </summary>
internal static class Cohere
{
    public static ModelFamily Family { get; } = new("cohere", ["cohere", "cohere2"], Read, static _ => Llama.Map);

    private static ModelSpec Read(ConfigReader config)
    {
        config.MustBe("use_qk_norm", false);
        var spec = Llama.ReadDecoder(config, tied: true);
        var bias = config.Default("attention_bias", false);
        spec = spec with
        {
            Norm = NormKind.LayerWithoutBias,
            NormEpsilon = (float)config.Default("layer_norm_eps", 1e-5),
            Placement = NormPlacement.ParallelShared,
            QkvBias = bias,
            OutputBias = bias,
            LogitScale = (float)config.DefaultPositive("logit_scale", 0.0625),
            Ropes = [RopeConfig.Read(config, spec.HeadDim, pairing: RopePairing.Interleaved)],
        };
        if (spec.ModelType == "cohere") return spec;
        var pattern = config.DefaultSize("sliding_window_pattern", 4);
        var layers = Llama.Windowed(config, spec, Llama.ReadWindow(config, 4096), i => (i + 1) % pattern != 0);
        return spec with { Layers = [.. layers.Select(layer => layer with { Rope = layer.Window > 0 ? 0 : null })] };
    }
}
