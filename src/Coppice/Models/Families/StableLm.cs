namespace Coppice.Models.Families;

/// <summary>StableLM 2: Llama with layer norms and partial rotation.</summary>
internal static class StableLm
{
    public static ModelFamily Family { get; } = new("stablelm", ["stablelm"], Read, static _ => Llama.Map);

    private static ModelSpec Read(ConfigReader config)
    {
        config.MustBe("qk_layernorm", false);
        var spec = Llama.ReadDecoder(config);
        return spec with
        {
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Default("layer_norm_eps", 1e-5),
            Placement = config.Default("use_parallel_residual", false) ? NormPlacement.ParallelShared : NormPlacement.Before,
            QkvBias = config.Default("use_qkv_bias", false),
            Ropes = [RopeConfig.Read(config, spec.HeadDim, rotaryFactor: 0.25)],
        };
    }
}
