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
    private static readonly Sampler Unchanged = new([], greedy: false, 0);

    private readonly float[] _logits = new float[vocabularySize];
    private readonly ulong[] _mask = deny is null ? [] : new ulong[(vocabularySize + 63) / 64];
    private readonly List<DenyHit> _hits = [];
    private DenyConstraint[] _denied = deny is null ? [] : [deny];      // of each beam
    private int[] _text = [];

    /// <summary>What changes the rows before they are scored; null for nothing. Only its processors count.</summary>
    public Sampler? Law { get; init; }
    /// <summary>Tokens before the beams, for <see cref="Law"/>.</summary>
    public ReadOnlyMemory<int> Prompt { get; init; }

    /// <inheritdoc/>
    public override int Branches => beams;
    /// <inheritdoc/>
    public override int TopCount => ReadsRows ? 0 : search.Candidates;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Alive => search.Alive;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ended => search.Ended;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ranked => search.Ranked;
    /// <inheritdoc/>
    public override IReadOnlyList<DenyHit> DenyHits => _hits;

    /// <summary>Whether the best tokens are found in whole rows: they are changed first, or more are needed than a pass gives.</summary>
    private bool ReadsRows => Law is not null || search.Candidates > Sampler.MostCandidates;

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

    /// <summary>The best tokens of a beam, without denied ones.</summary>
    private BeamRow Row(IBranchLogits logits, int beam, out bool isRejected)
    {
        isRejected = false;
        logits.Download(beam, _logits);
        if (ReadsRows) (Law ?? Unchanged).Process(Law is null ? [] : Text(search.Alive[beam].Tokens), _logits);
        var sum = LogProbabilities.LogSum(_logits);
        var row = ReadsRows ? Largest(sum) : Given(beam, logits, sum);
        if (deny is null) return row;
        var denied = _denied[beam];
        if (row.Tokens.Length > 0 && denied.IsDenied(row.Tokens[0]))
        {
            isRejected = denied.Judge(row.Tokens[0], Math.Exp(row.LogProbabilities[0])).Action == DenyAction.Reject;
            _hits.Add(denied.Hits[^1]);
        }
        if (!Array.Exists(row.Tokens, denied.IsDenied)) return row;
        denied.FillMask(_mask);
        TokenMask.Apply(_mask, _logits);
        return Largest(sum);
    }

    /// <summary>The best tokens as the pass gives them.</summary>
    private BeamRow Given(int beam, IBranchLogits logits, double sum)
    {
        var tokens = logits.Best(beam, search.Candidates, out var largest);
        var logs = new double[largest.Length];
        for (var i = 0; i < logs.Length; i++) logs[i] = largest[i] - sum;
        return new BeamRow(tokens.ToArray(), logs);
    }

    /// <summary>The largest of <see cref="_logits"/>, without those that were left out.</summary>
    private BeamRow Largest(double sum)
    {
        var count = Math.Min(search.Candidates, _logits.Length);
        using var ranked = RankedLogits.AtLeast(_logits, LargestLogits.Kth(_logits, count));
        var left = 0;
        while (left < Math.Min(count, ranked.Count) && !float.IsNegativeInfinity(_logits[ranked.Id(left)])) left++;
        var (tokens, logs) = (new int[left], new double[left]);
        for (var i = 0; i < left; i++) (tokens[i], logs[i]) = (ranked.Id(i), _logits[ranked.Id(i)] - sum);
        return new BeamRow(tokens, logs);
    }

    private DenyConstraint After(ScoredDraft draft)
    {
        var denied = (DenyConstraint)_denied[draft.Parent ?? 0].Fork();
        if (!denied.TryAdvance(draft.Tokens[^1]))
            throw new InvalidOperationException($"beam: token {draft.Tokens[^1]} must be allowed where it was chosen, found it denied.");
        return denied;
    }

    /// <summary>The prompt and the tokens of a beam.</summary>
    private ReadOnlySpan<int> Text(int[] beam)
    {
        var length = Prompt.Length + beam.Length;
        if (_text.Length < length) _text = new int[2 * length];
        Prompt.CopyTo(_text);
        beam.CopyTo(_text, Prompt.Length);
        return _text.AsSpan(0, length);
    }
}
