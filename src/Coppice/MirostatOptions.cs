using Coppice.Settings;

namespace Coppice;

/// <summary>Of which distribution the surprise of a token is measured.</summary>
public enum SurpriseBasis
{
    /// <summary>The model's own, before anything is changed: the published method.</summary>
    Full,
    /// <summary>What was left of it, as llama.cpp does.</summary>
    Truncated,
}

/// <summary>
/// Mirostat: holds the surprise of tokens, -log2 p, near a target by moving the level at which improbable tokens are cut off.
/// </summary>
/// <remarks>
/// Surprise is the same all along a text, which neither repeats itself nor loses its thread. Takes the place of top-k, top-p and their
/// like, which are refused beside it unless <see cref="WithTruncation"/> is set; what a model recommends of them is left out. Temperature
/// is 1 unless it is set. Text is the same with every drafter that does not draw its proposals. Costs a pass over the row for each token;
/// the largest logits do not suffice. Source: Basu et al., Mirostat: A Neural Text Decoding Algorithm that Directly Controls Perplexity
/// (2021).
/// </remarks>
public sealed record MirostatOptions : StrategyOptions
{
    internal const string KindName = "mirostat";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>1 estimates from Zipf's law how many tokens to keep; 2, the default, cuts off at a surprise.</summary>
    public int Version { get; init; } = 2;
    /// <summary>τ, the surprise to hold, in bits: 0 to 32, 5 by default. 2^τ is the perplexity of the text.</summary>
    public double Target { get; init; } = 5;
    /// <summary>η, how much of its error moves the level: above 0, at most 10; 0.1 by default.</summary>
    public double Rate { get; init; } = 0.1;
    /// <summary>Of which distribution surprise is measured; of the model's own by default.</summary>
    public SurpriseBasis Basis { get; init; }
    /// <summary>Whether other processors may cut off tokens before it; not by default.</summary>
    public bool WithTruncation { get; init; }

    internal static StrategyOptions Read(NamedSettings settings) => new MirostatOptions
    {
        Version = settings.Whole("version", 2),
        Target = settings.Real("tau", 5),
        Rate = settings.Real("eta", 0.1),
        Basis = settings.OneOf("basis", SurpriseBasis.Full),
        WithTruncation = settings.Flag("truncation", false),
    };

    internal override void Validate()
    {
        Require("version", Version, 1, 2);
        Require("tau", Target, 0, 32);
        Require("eta", Rate, double.Epsilon, 10);
        if (!Enum.IsDefined(Basis)) throw new ArgumentException($"strategy {Name}: basis must be full or truncated, got {Basis}.");
    }
}
