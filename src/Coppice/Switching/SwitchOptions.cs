using Coppice.Settings;

namespace Coppice;

/// <summary>
/// Entropy-adaptive decoding: a small model writes, and the session's own takes over where the mean entropy of the last rows is above τ.
/// </summary>
/// <remarks>
/// Nothing is verified: the text may be neither model's. Each model runs what it has missed when it is next asked, so both hold the whole
/// text; what is saved is the time of single-token passes of the large one. Source: Simonds, Entropy Adaptive Decoding.
/// </remarks>
public sealed record SwitchOptions : StepStrategyOptions
{
    internal const string KindName = "switch";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>The folder of the small model, which must have the same tokens.</summary>
    public string Model { get; init; } = "";
    /// <summary>τ in bits: above it the large model writes; any number or an infinity, 1 by default.</summary>
    public double Threshold { get; init; } = 1;
    /// <summary>Below it the small model writes again; <see cref="Threshold"/> by default, and not above it.</summary>
    public double? LowerThreshold { get; init; }
    /// <summary>Rows that the mean is of, 5 by default; nothing switches before that many.</summary>
    public int Window { get; init; } = 5;
    /// <summary>Rows that a model writes at least before the other may, 10 by default.</summary>
    public int LeastStay { get; init; } = 10;

    internal static StrategyOptions Read(NamedSettings settings) => new SwitchOptions
    {
        Model = settings.Text("model") ?? "",
        Threshold = settings.Real("tau", 1),
        Window = settings.Whole("window", 5),
        LeastStay = settings.Whole("stay", 10),
    };

    internal override void Validate()
    {
        if (Model.Length == 0) throw new ArgumentException($"strategy {Name}: model must name the folder of the small model, got none.");
        if (double.IsNaN(Threshold) || !((LowerThreshold ?? Threshold) <= Threshold))
            throw new ArgumentException(
                $"strategy {Name}: tau must be a number, and the lower one not above it, got {Threshold} and {LowerThreshold}.");
        Require("window", Window, 1, 4096);
        Require("stay", LeastStay, 0, int.MaxValue);
    }

    internal override IStepModel Compose(IStepModel model, IReadOnlyList<int> prompt, StepSources sources) =>
        new SwitchingModel(sources.Other(Model, prompt), model, new EntropySwitchPolicy(Window, Threshold, LowerThreshold, LeastStay));
}
