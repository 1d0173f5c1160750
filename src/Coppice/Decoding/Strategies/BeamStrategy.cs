using Coppice.Constraints;
using Coppice.Decoding.Sampling;

namespace Coppice.Decoding.Strategies;

/// <summary>Beam search over branches; a beam that is given up goes on where all would be.</summary>
/// <param name="search">The search.</param>
/// <param name="beams">Its beams.</param>
/// <param name="vocabularySize">Of the model.</param>
/// <param name="constraints">What they may go on with, which the search asks for ends too; null for anything.</param>
internal sealed class BeamStrategy(BeamSearch search, int beams, int vocabularySize, BeamConstraints? constraints = null) : DraftStrategy
{
    private static readonly Sampler Unchanged = new([], greedy: false, 0);

    private readonly float[] _logits = new float[vocabularySize];
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
    public override IReadOnlyList<DenyHit> DenyHits => constraints?.DenyHits ?? [];

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
        constraints?.Move(search.Alive);
        if (search.IsDone) return [];
        return [.. search.Alive.Select(draft => new BranchStep(draft.Parent ?? 0, [new BranchRow(draft.Tokens[^1])]))];
    }

    /// <summary>The best tokens of a beam of those that are allowed.</summary>
    private BeamRow Row(IBranchLogits logits, int beam, out bool isRejected)
    {
        isRejected = false;
        logits.Download(beam, _logits);
        if (ReadsRows) (Law ?? Unchanged).Process(Law is null ? [] : Text(search.Alive[beam].Tokens), _logits);
        var sum = LogProbabilities.LogSum(_logits);
        var row = ReadsRows ? Largest(sum) : Given(beam, logits, sum);
        if (constraints is null) return row;
        if (constraints.Forced(beam) is var forced and >= 0) return new BeamRow([forced], [_logits[forced] - sum]);
        if (row.Tokens.Length > 0) isRejected = constraints.IsGivenUp(beam, row.Tokens[0], row.LogProbabilities[0]);
        if (constraints.AllowsAll(beam, row.Tokens)) return row;
        constraints.Apply(beam, _logits);
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
