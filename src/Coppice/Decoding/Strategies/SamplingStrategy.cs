using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;

namespace Coppice.Decoding.Strategies;

/// <summary>
/// Independent drafts: each is what a fork of the sequence generates by its own sampler. Scores are the model's own log-probabilities.
/// </summary>
/// <param name="samplers">One for each draft.</param>
/// <param name="stop">When a draft ends.</param>
/// <param name="prompt">Tokens before the drafts.</param>
/// <param name="vocabularySize">Of the model.</param>
/// <param name="endsText">Whether the text of these tokens ends it; null for none.</param>
internal sealed class SamplingStrategy(
    IReadOnlyList<Sampler> samplers, StopRule stop, ReadOnlyMemory<int> prompt, int vocabularySize, Func<int[], bool>? endsText = null)
    : DraftStrategy
{
    private readonly float[] _logits = new float[vocabularySize];
    private readonly List<ScoredDraft> _ended = [];
    private List<(ScoredDraft Draft, Sampler Sampler)> _alive = [.. samplers.Select(sampler => (new ScoredDraft([], 0, null), sampler))];

    /// <inheritdoc/>
    public override int Branches => samplers.Count;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Alive => [.. _alive.Select(item => item.Draft)];
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ended => _ended;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ranked =>
        ScoredDraft.Rank(_alive.Select(item => item.Draft).Where(draft => draft.Tokens.Length > 0), _ended, samplers.Count);

    /// <inheritdoc/>
    public override IReadOnlyList<BranchStep> Step(IBranchLogits logits)
    {
        var isFirst = _alive[0].Draft.Tokens.Length == 0;
        var (next, steps) = (new List<(ScoredDraft, Sampler)>(_alive.Count), new List<BranchStep>(_alive.Count));
        var text = new int[prompt.Length + _alive[0].Draft.Tokens.Length];
        prompt.CopyTo(text);
        for (var i = 0; i < _alive.Count; i++)
        {
            var (draft, sampler) = _alive[i];
            var branch = isFirst ? 0 : i;
            logits.Download(branch, _logits);
            var sum = LogProbabilities.LogSum(_logits);
            draft.Tokens.CopyTo(text, prompt.Length);
            var token = sampler.Choose(text, _logits);
            // Choosing has changed the row.
            logits.Download(branch, _logits);
            var longer = new ScoredDraft(draft.With(token), draft.Score + _logits[token] - sum, isFirst ? null : i);
            if (stop.Ends(token) || endsText?.Invoke(longer.Tokens) == true) _ended.Add(longer);
            else
            {
                next.Add((longer, sampler));
                steps.Add(new BranchStep(branch, [new BranchRow(token)]));
            }
        }
        _ended.Sort((a, b) => b.Mean.CompareTo(a.Mean));
        _alive = next;
        return next.Count == 0 || next[0].Item1.Tokens.Length >= stop.MaxTokens ? [] : steps;
    }
}
