using Coppice.Decoding.Sampling;

namespace Coppice.Decoding.Strategies;

/// <summary>Beam search over branches.</summary>
/// <param name="search">The search.</param>
/// <param name="beams">Its beams.</param>
/// <param name="vocabularySize">Of the model.</param>
internal sealed class BeamStrategy(BeamSearch search, int beams, int vocabularySize) : DraftStrategy
{
    private readonly float[] _logits = new float[vocabularySize];

    /// <inheritdoc/>
    public override int Branches => beams;
    /// <inheritdoc/>
    public override int TopCount => search.Candidates;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Alive => search.Alive;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ended => search.Ended;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ranked => search.Ranked;

    /// <inheritdoc/>
    public override IReadOnlyList<BranchStep> Step(IBranchLogits logits)
    {
        var rows = new BeamRow[search.Alive.Count];
        for (var beam = 0; beam < rows.Length; beam++)
        {
            logits.Download(beam, _logits);
            var sum = LogProbabilities.LogSum(_logits);
            var tokens = logits.Best(beam, search.Candidates, out var largest);
            var logs = new double[largest.Length];
            for (var i = 0; i < logs.Length; i++) logs[i] = largest[i] - sum;
            rows[beam] = new BeamRow(tokens.ToArray(), logs);
        }
        search.Step(rows);
        if (search.IsDone) return [];
        return [.. search.Alive.Select(draft => new BranchStep(draft.Parent ?? 0, [new BranchRow(draft.Tokens[^1])]))];
    }
}
