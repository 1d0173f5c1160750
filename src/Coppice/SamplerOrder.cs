using Coppice.Settings;

namespace Coppice;

/// <summary>What changes the logits of the next token; a stage does nothing where its option is not set.</summary>
public enum SamplerStage
{
    /// <summary><see cref="GenerationOptions.LogitBias"/>.</summary>
    Bias,
    /// <summary>The penalties for repetition, then those for frequency and presence.</summary>
    Penalties,
    /// <summary><see cref="GenerationOptions.DryMultiplier"/>.</summary>
    Dry,
    /// <summary><see cref="GenerationOptions.TopNSigma"/>.</summary>
    TopNSigma,
    /// <summary><see cref="GenerationOptions.Temperature"/>, or that which grows with entropy.</summary>
    Temperature,
    /// <summary><see cref="GenerationOptions.TopK"/>.</summary>
    TopK,
    /// <summary><see cref="GenerationOptions.TypicalP"/>.</summary>
    TypicalP,
    /// <summary><see cref="GenerationOptions.TopP"/>.</summary>
    TopP,
    /// <summary><see cref="GenerationOptions.MinP"/>.</summary>
    MinP,
    /// <summary><see cref="GenerationOptions.PLess"/>.</summary>
    PLess,
    /// <summary><see cref="GenerationOptions.EpsilonCutoff"/>.</summary>
    EpsilonCutoff,
    /// <summary><see cref="GenerationOptions.EtaCutoff"/>.</summary>
    EtaCutoff,
    /// <summary><see cref="GenerationOptions.XtcProbability"/>.</summary>
    Xtc,
}

/// <summary>
/// In which order the stages of a sampler run; constraints and the ban of end tokens come before them, the draw after them.
/// </summary>
/// <remarks>
/// The presets have the order of other engines for what those have, and what they do not have where it fits. It matters: llama.cpp cuts off
/// at temperature 1 and tempers what is left, the others temper first.
/// </remarks>
public sealed class SamplerOrder
{
    private static readonly string[] Presets = ["default", "llama-cpp", "hugging-face", "vllm"];
    private static readonly string[] Names = [.. Enum.GetValues<SamplerStage>().Select(NameOf)];

    private readonly SamplerStage[] _stages;

    private SamplerOrder(params SamplerStage[] stages) => _stages = stages;

    /// <summary>
    /// Bias, penalties, DRY, top-n-sigma, temperature, top-k, typical-p, top-p, min-p, p-less, epsilon and eta cutoff, XTC.
    /// </summary>
    public static SamplerOrder Default { get; } = new(Enum.GetValues<SamplerStage>());

    /// <summary>That of llama.cpp: temperature comes last.</summary>
    public static SamplerOrder LlamaCpp { get; } = new(
        SamplerStage.Bias, SamplerStage.Penalties, SamplerStage.Dry, SamplerStage.TopNSigma, SamplerStage.TopK, SamplerStage.TypicalP,
        SamplerStage.TopP, SamplerStage.MinP, SamplerStage.PLess, SamplerStage.EpsilonCutoff, SamplerStage.EtaCutoff, SamplerStage.Xtc,
        SamplerStage.Temperature);

    /// <summary>That of transformers: temperature, top-k, top-p, min-p, then typical-p, epsilon and eta cutoff.</summary>
    public static SamplerOrder HuggingFace { get; } = new(
        SamplerStage.Bias, SamplerStage.Penalties, SamplerStage.Dry, SamplerStage.TopNSigma, SamplerStage.Temperature, SamplerStage.TopK,
        SamplerStage.TopP, SamplerStage.MinP, SamplerStage.TypicalP, SamplerStage.EpsilonCutoff, SamplerStage.EtaCutoff, SamplerStage.PLess,
        SamplerStage.Xtc);

    /// <summary>That of vLLM: temperature, min-p, top-k, top-p.</summary>
    public static SamplerOrder Vllm { get; } = new(
        SamplerStage.Bias, SamplerStage.Penalties, SamplerStage.Dry, SamplerStage.TopNSigma, SamplerStage.Temperature, SamplerStage.MinP,
        SamplerStage.TopK, SamplerStage.TopP, SamplerStage.TypicalP, SamplerStage.PLess, SamplerStage.EpsilonCutoff, SamplerStage.EtaCutoff,
        SamplerStage.Xtc);

    /// <summary>The stages in order.</summary>
    public IReadOnlyList<SamplerStage> Stages => _stages;

    /// <summary>An order of one's own. An option whose stage is not in it must not be set.</summary>
    /// <exception cref="ArgumentException">A stage occurs twice, or there is no such stage.</exception>
    public static SamplerOrder Of(params IEnumerable<SamplerStage> stages)
    {
        ArgumentNullException.ThrowIfNull(stages);
        SamplerStage[] all = [.. stages];
        foreach (var stage in all)
        {
            if (!Enum.IsDefined(stage)) throw new ArgumentException($"samplers: must be stages, got {stage}.", nameof(stages));
            if (all.Count(other => other == stage) > 1)
                throw new ArgumentException($"samplers: {NameOf(stage)} must be given once, got it twice.", nameof(stages));
        }
        return new SamplerOrder(all);
    }

    /// <summary>Reads the name of a preset (default, llama-cpp, hugging-face, vllm), or names of stages with commas between them.</summary>
    /// <exception cref="ArgumentException">A name is not known, or occurs twice.</exception>
    public static SamplerOrder Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text switch
        {
            "default" => Default,
            "llama-cpp" => LlamaCpp,
            "hugging-face" => HuggingFace,
            "vllm" => Vllm,
            _ => Of(text.Split(',', StringSplitOptions.TrimEntries).Select(StageOf)),
        };
    }

    /// <summary>The names of its stages with commas between them.</summary>
    public override string ToString() => string.Join(',', _stages.Select(NameOf));

    internal static string NameOf(SamplerStage stage) => NamedSettings.Kebab(stage.ToString());

    private static SamplerStage StageOf(string name)
    {
        foreach (var stage in Enum.GetValues<SamplerStage>())
        {
            if (NameOf(stage) == name) return stage;
        }
        throw new ArgumentException(
            $"samplers: must be default, llama-cpp, hugging-face or vllm, or some of {string.Join(", ", Names)} "
            + $"with commas between them, got \"{name}\"{NearestName.Hint(name, [.. Names, .. Presets])}.");
    }
}
