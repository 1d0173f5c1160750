using Coppice.Constraints;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Sampling;

namespace Coppice.Decoding.Strategies;

/// <summary>What each beam of a search may go on with: a fork of one constraint for every beam.</summary>
/// <remarks>
/// Masks come after log-probabilities are found, so that a beam whose tokens are masked loses what they had and is not raised. A token that
/// must come is the only one of its row. Where a deny list says so, a beam whose best token is denied is given up.
/// </remarks>
/// <param name="start">Before the first token; knows its masks at once.</param>
internal sealed class BeamConstraints(SequenceConstraint start)
{
    private readonly Dictionary<(int Beam, int Token), SequenceConstraint> _next = [];
    private readonly List<DenyHit> _hits = [];
    private SequenceConstraint[] _beams = [start];

    /// <summary>Where a beam's best token would have completed a denied text, so far.</summary>
    public IReadOnlyList<DenyHit> DenyHits => _hits;

    /// <summary>The token that must come after a beam; -1 where there is a choice.</summary>
    public int Forced(int beam) => _beams[beam].Forced;

    /// <summary>Leaves out of <paramref name="logits"/> what must not come after a beam.</summary>
    public void Apply(int beam, Span<float> logits) => TokenMask.Apply(_beams[beam].Mask(), logits);

    /// <summary>Whether all <paramref name="tokens"/> may come after a beam.</summary>
    public bool AllowsAll(int beam, ReadOnlySpan<int> tokens)
    {
        var mask = _beams[beam].Mask();
        foreach (var token in tokens)
            if (!mask.IsEmpty && !TokenMask.Allows(mask, token)) return false;
        return true;
    }

    /// <summary>Notes a beam's best token where that is denied; true where the beam is then given up.</summary>
    public bool IsGivenUp(int beam, int best, double logProb)
    {
        var constraint = _beams[beam];
        if (!constraint.HasDeny || !constraint.IsDenied(best)) return false;
        var action = constraint.Judge(best, Math.Exp(logProb));
        _hits.Add(constraint.DenyHits[^1]);
        return action == DenyAction.Reject;
    }

    /// <summary>Whether nothing may follow <paramref name="token"/> after a beam.</summary>
    public bool EndsWhole(int beam, int token)
    {
        var next = _beams[beam].Fork();
        next.Take(token);
        next.Commit();
        _next[(beam, token)] = next;
        return next.IsOver;
    }

    /// <summary>These beams go on, each by its last token from its parent.</summary>
    public void Move(IReadOnlyList<ScoredDraft> alive)
    {
        _beams = [.. alive.Select(draft => _next[(draft.Parent ?? 0, draft.Tokens[^1])])];
        _next.Clear();
    }
}
