namespace Coppice.Models.Families;

/// <summary>
/// Phi-1 and 2: layer norms, attention and MLP side by side, partial rotation, plain MLP. Phi-3 and 4: Llama with fused matrices and
/// longrope.
/// </summary>
internal static class Phi
{
    private static readonly TensorMap Early = new()
    {
        Names = Llama.With(Llama.Map.Names,
            (TensorRole.FinalNorm, "model.final_layernorm"),
            (TensorRole.Output, "model.layers.{layer}.self_attn.dense"),
            (TensorRole.Up, "model.layers.{layer}.mlp.fc1"),
            (TensorRole.Down, "model.layers.{layer}.mlp.fc2")),
        Ignored = Llama.Map.Ignored,
    };

    private static readonly TensorMap Fused = Llama.Map with
    {
        Names = Llama.With(Llama.Map.Names,
            (TensorRole.FusedQkv, "model.layers.{layer}.self_attn.qkv_proj"),
            (TensorRole.FusedGateUp, "model.layers.{layer}.mlp.gate_up_proj")),
    };

    public static ModelFamily Family { get; } = new("phi", ["phi", "phi3"], Read, static spec => spec.GatedMlp ? Fused : Early);

    private static ModelSpec Read(ConfigReader config)
    {
        if (config.Required<string>("model_type") == "phi") return ReadEarly(config);
        var spec = Llama.ReadDecoder(config) with { NormEpsilon = (float)config.Default("rms_norm_eps", 1e-5) };
        return spec with { Layers = Llama.Windowed(config, spec, Llama.ReadWindow(config, 0), _ => true) };
    }

    private static ModelSpec ReadEarly(ConfigReader config)
    {
        config.MustBe("qk_layernorm", false);
        var spec = Llama.ReadDecoder(config, activation: "gelu_new");
        return spec with
        {
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Default("layer_norm_eps", 1e-5),
            Placement = NormPlacement.ParallelShared,
            GatedMlp = false,
            QkvBias = true,
            OutputBias = true,
            MlpBias = true,
            HeadBias = true,
            Ropes = [RopeConfig.Read(config, spec.HeadDim, rotaryFactor: 0.5)],
        };
    }
}
