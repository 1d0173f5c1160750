using Coppice.Decoding.Verification;

namespace Coppice.Decoding.Strategies;

/// <summary>How drafts are chosen from the logits that they share.</summary>
internal sealed record SuperposedRules
{
    /// <summary>Added to a score, in nats, where n-grams know nothing of any candidate.</summary>
    public const double Penalty = -200;

    /// <summary>Drafts, k.</summary>
    public required int Count { get; init; }
    /// <summary>Largest logits of a step that are looked at, m; in the first step at least as many as drafts and end tokens.</summary>
    public required int Candidates { get; init; }
    /// <summary>Divides the logits, tau.</summary>
    public required double Temperature { get; init; }
    /// <summary>The weight of n-grams in the geometric mean, alpha, from 0 to 1; at 0 they are not looked at.</summary>
    public double NGramWeight { get; init; }
    /// <summary>Weights lambda of runs of 2, 3, ... tokens.</summary>
    public IReadOnlyList<double> OrderWeights { get; init; } = [];
    /// <summary>Whether n-grams count in the first step too.</summary>
    public bool FirstStepNGrams { get; init; } = true;
    /// <summary>Candidates whose log-probability among all candidates is below it take no part; null for none.</summary>
    public double? MinLogProb { get; init; }
    /// <summary>Whether drafts keep different first tokens.</summary>
    public bool Diverse { get; init; }
    /// <summary>Whether to end when nothing that goes on can become better than the drafts that have ended.</summary>
    public bool EndsEarly { get; init; }
    /// <summary>No draft ends before it has this many tokens.</summary>
    public int MinTokens { get; init; }
    /// <summary>When drafts end.</summary>
    public required StopRule Stop { get; init; }
}
