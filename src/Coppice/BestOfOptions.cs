using Coppice.Settings;

namespace Coppice;

/// <summary>By what several sequences are compared.</summary>
public enum SequenceOrder
{
    /// <summary>The mean of the model's own log-probabilities of their tokens.</summary>
    MeanLogProb,
    /// <summary>The sum.</summary>
    SumLogProb,
}

/// <summary>Best of n: as many sequences are sampled from one prompt, and the text is the most probable of them.</summary>
/// <remarks>
/// Sequence i is what a generation with the seed + i gives, with all its options. The prompt is run once, its keys and values are shared,
/// and all sequences are in common passes. The pieces of the text come when all have ended.
/// <see cref="GenerationResult.Sequences"/> has all of them.
/// </remarks>
public sealed record BestOfOptions : StrategyOptions
{
    internal const string KindName = "best-of";

    /// <summary>The most that <see cref="Count"/> can be.</summary>
    public const int MostSequences = 128;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Sequences; 1 to 128, 4 by default. More than one needs a temperature above 0.</summary>
    public int Count { get; init; } = 4;
    /// <summary>By what they are compared; of equal ones the first is the better.</summary>
    public SequenceOrder By { get; init; }

    internal static StrategyOptions Read(NamedSettings settings) => new BestOfOptions
    {
        Count = settings.Whole("n", 4),
        By = settings.OneOf("by", SequenceOrder.MeanLogProb),
    };

    internal override void Validate()
    {
        Require("n", Count, 1, MostSequences);
        if (!Enum.IsDefined(By)) throw new ArgumentException($"strategy {Name}: by must be mean-log-prob or sum-log-prob, got {By}.");
    }
}
