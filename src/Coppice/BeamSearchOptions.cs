using Coppice.Settings;

namespace Coppice;

/// <summary>When a beam search ends before all beams are as long as they may be.</summary>
public enum EarlyStopping
{
    /// <summary>When the search has all its beams ended, and the best one that goes on would not be better at its present length.</summary>
    False,
    /// <summary>When the search has all its beams ended.</summary>
    True,
    /// <summary>Only when no beam that goes on could be better even at the greatest length.</summary>
    Never,
}

/// <summary>
/// Beam search: of all continuations of the beams by one token the most probable go on; the text is the best beam, when all is done.
/// </summary>
/// <remarks>
/// Scores are sums of log-probabilities after bias, penalties, DRY and temperature (0 counts as 1); what cuts off tokens takes no part, and
/// nothing is drawn. All beams are in one pass and share the prompt's keys and values. The pieces of the text come at the end. Constraints
/// hold for every beam: what they mask is left out after the log-probabilities are found, so that a beam which wants it loses what it had.
/// Log-probabilities, constraints that wait and <see cref="Constraints.DenyPolicy.Backtrack"/> are refused, drafters take no part. One beam
/// is greedy decoding. <see cref="GenerationResult.Sequences"/> has all
/// beams. Source: the beam search of transformers.
/// </remarks>
public sealed record BeamSearchOptions : StrategyOptions
{
    internal const string KindName = "beam";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Beams; 1 to 32, 4 by default.</summary>
    public int Beams { get; init; } = 4;
    /// <summary>
    /// Beams that have ended are compared by score / tokens^this: 0 for the sum, 1, the default, for the mean; above that long texts are
    /// favoured. -10 to 10.
    /// </summary>
    public double LengthPenalty { get; init; } = 1;
    /// <summary>When it ends.</summary>
    public EarlyStopping EarlyStopping { get; init; }

    internal static StrategyOptions Read(NamedSettings settings) => new BeamSearchOptions
    {
        Beams = settings.Whole("beams", 4),
        LengthPenalty = settings.Real("length-penalty", 1),
        EarlyStopping = settings.OneOf("early-stopping", EarlyStopping.False),
    };

    internal override void Validate()
    {
        Require("beams", Beams, 1, DraftsOptions.MostDrafts);
        Require("length-penalty", LengthPenalty, -10, 10);
        if (!Enum.IsDefined(EarlyStopping))
            throw new ArgumentException($"strategy {Name}: early-stopping must be false, true or never, got {EarlyStopping}.");
    }
}
