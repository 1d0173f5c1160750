using Coppice.Settings;

namespace Coppice;

/// <summary>
/// Blockwise best of k: as many blocks of tokens are drawn from the text so far, the one that scores best stays, and so on to the end.
/// </summary>
/// <remarks>
/// Draw i of a block has the seed + i. k = 1 is plain decoding; a block as long as the text is best of k by the scorer. The text so far
/// is kept once, and the draws are in common passes. Source: Mudgal et al., Controlled Decoding from Language Models, section 3.2.
/// </remarks>
public sealed record BlockwiseOptions : StepStrategyOptions
{
    internal const string KindName = "blockwise";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>k: draws of a block; 1 to 128, 4 by default. More than one needs a temperature above 0.</summary>
    public int Count { get; init; } = 4;
    /// <summary>Tokens of a block; at least 1, 16 by default.</summary>
    public int Block { get; init; } = 16;
    /// <summary>What blocks are compared by, of equal ones the first stays; <see cref="SequenceScorers.Likelihood"/> by default.</summary>
    public ISequenceScorer Scorer { get; init; } = SequenceScorers.Likelihood;

    internal static StrategyOptions Read(NamedSettings settings) => new BlockwiseOptions
    {
        Count = settings.Whole("k", 4),
        Block = settings.Whole("block", 16),
        Scorer = SequenceScorers.Parse($"strategy {KindName}", settings.Text("scorer")),
    };

    internal override void Validate()
    {
        Require("k", Count, 1, BestOfOptions.MostSequences);
        Require("block", Block, 1, int.MaxValue);
        ArgumentNullException.ThrowIfNull(Scorer);
    }

    internal override IDecodingStrategy Create(StepSources sources) => new BlockwiseStrategy(Count, Block, Scorer);
}
