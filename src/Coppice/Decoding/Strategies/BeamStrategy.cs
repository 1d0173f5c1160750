using Coppice.Constraints;
using Coppice.Decoding.Sampling;

namespace Coppice.Decoding.Strategies;

/// <summary>Beam search over branches.</summary>
/// <remarks>
/// Denied tokens are left out after the log-probabilities are found, so that a beam which wants them loses what they had and is not raised.
/// Where the list says so, a beam whose best token is denied is given up, unless all would be.
/// </remarks>
/// <param name="search">The search.</param>
/// <param name="beams">Its beams.</param>
/// <param name="vocabularySize">Of the model.</param>
/// <param name="deny">What must not come, after the prompt; null for nothing.</param>
internal sealed class BeamStrategy(BeamSearch search, int beams, int vocabularySize, DenyConstraint? deny = null) : DraftStrategy
{
    private readonly float[] _logits = new float[vocabularySize];
    private readonly ulong[] _mask = new ulong[(vocabularySize + 63) / 64];
    private readonly List<DenyHit> _hits = [];
    private DenyConstraint[] _denied = deny is null ? [] : [deny];      // of each beam

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
    public override IReadOnlyList<DenyHit> DenyHits => _hits;

    /// <inheritdoc/>
    public override IReadOnlyList<BranchStep> Step(IBranchLogits logits)
    {
        var rows = new BeamRow[search.Alive.Count];
        var isRejected = new bool[rows.Length];
        for (var beam = 0; beam < rows.Length; beam++) rows[beam] = Row(logits, beam, out isRejected[beam]);
        if (Array.Exists(isRejected, rejected => !rejected))
        {
            for (var beam = 0; beam < rows.Length; beam++)
                if (isRejected[beam]) rows[beam] = new BeamRow([], []);
        }
        search.Step(rows);
        if (deny is not null) _denied = [.. search.Alive.Select(After)];
        if (search.IsDone) return [];
        return [.. search.Alive.Select(draft => new BranchStep(draft.Parent ?? 0, [new BranchRow(draft.Tokens[^1])]))];
    }

    private BeamRow Row(IBranchLogits logits, int beam, out bool isRejected)
    {
        isRejected = false;
        logits.Download(beam, _logits);
        var sum = LogProbabilities.LogSum(_logits);
        var tokens = logits.Best(beam, search.Candidates, out var largest);
        var logs = new double[largest.Length];
        for (var i = 0; i < logs.Length; i++) logs[i] = largest[i] - sum;
        if (deny is null) return new BeamRow(tokens.ToArray(), logs);
        var denied = _denied[beam];
        if (denied.IsDenied(tokens[0]))
        {
            isRejected = denied.Judge(tokens[0], Math.Exp(logs[0])).Action == DenyAction.Reject;
            _hits.Add(denied.Hits[^1]);
        }
        foreach (var token in tokens)
            if (denied.IsDenied(token)) return Allowed(denied, sum);
        return new BeamRow(tokens.ToArray(), logs);
    }

    /// <summary>The largest of the logits in <see cref="_logits"/> that are not denied.</summary>
    private BeamRow Allowed(DenyConstraint denied, double sum)
    {
        denied.FillMask(_mask);
        TokenMask.Apply(_mask, _logits);
        using var ranked = RankedLogits.AtLeast(_logits, float.NegativeInfinity);
        var tokens = new int[Math.Min(search.Candidates, ranked.Count)];
        var logs = new double[tokens.Length];
        for (var rank = 0; rank < tokens.Length; rank++)
        {
            tokens[rank] = ranked.Id(rank);
            logs[rank] = _logits[tokens[rank]] - sum;
        }
        return new BeamRow(tokens, logs);
    }

    private DenyConstraint After(ScoredDraft draft)
    {
        var denied = (DenyConstraint)_denied[draft.Parent ?? 0].Fork();
        if (!denied.TryAdvance(draft.Tokens[^1]))
            throw new InvalidOperationException($"beam: token {draft.Tokens[^1]} must be allowed where it was chosen, found it denied.");
        return denied;
    }
}
