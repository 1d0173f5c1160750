using Coppice.Settings;

namespace Coppice;

/// <summary>
/// Planning (PG-TD): a tree search over the next tokens, whose leaves are completed greedily or by beams and scored as whole texts, such as
/// programs by the tests that they pass. The text is the completion that scores best, the first of equal ones.
/// </summary>
/// <remarks>
/// One evaluation gives the text of greedy decoding. What completions have in common is kept once, and what a completion has shown of the
/// tokens along it costs nothing again. All pieces come when the search is over. Source: Zhang et al., Planning with Large Language Models
/// for Code Generation, algorithm 1.
/// </remarks>
public sealed record PlanningOptions : StepStrategyOptions
{
    internal const string KindName = "planning";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Completions at most; 1 to 65,536, 64 by default.</summary>
    public int Evaluations { get; init; } = 64;
    /// <summary>k: tokens that a node branches into; 1 to 64, 3 by default.</summary>
    public int Candidates { get; init; } = 3;
    /// <summary>b: beams of a completion; 1 to 64, 1 by default, which is greedy.</summary>
    public int Beams { get; init; } = 1;
    /// <summary>c of the selection rule: how much is explored; at least 0, 4 by default.</summary>
    public double Exploration { get; init; } = 4;
    /// <summary>c_base of the selection rule; above 0, 10 by default.</summary>
    public double ExplorationBase { get; init; } = 10;
    /// <summary>A score that no other can be better than: the search ends with it. 1 by default, the pass rate of tests.</summary>
    public double EnoughScore { get; init; } = 1;
    /// <summary>What completions are worth, 0 to 1 for the defaults to fit; <see cref="SequenceScorers.Likelihood"/> by default.</summary>
    public ISequenceScorer Scorer { get; init; } = SequenceScorers.Likelihood;

    internal static StrategyOptions Read(NamedSettings settings) => new PlanningOptions
    {
        Evaluations = settings.Whole("evaluations", 64),
        Candidates = settings.Whole("k", 3),
        Beams = settings.Whole("beams", 1),
        Scorer = SequenceScorers.Parse($"strategy {KindName}", settings.Text("scorer")),
    };

    internal override void Validate()
    {
        Require("evaluations", Evaluations, 1, 65_536);
        Require("k", Candidates, 1, 64);
        Require("beams", Beams, 1, 64);
        Require("exploration", Exploration, 0, 1e6);
        Require("exploration-base", ExplorationBase, double.Epsilon, 1e6);
        if (double.IsNaN(EnoughScore)) throw new ArgumentException($"strategy {Name}: the score that is enough must be a number.");
        ArgumentNullException.ThrowIfNull(Scorer);
    }

    internal override IDecodingStrategy Create(StepSources sources) => new PlanningStrategy(this);
}
