using Coppice.Constraints;
using Coppice.Models;

namespace Coppice.Decoding.Strategies;

/// <summary>A row that a branch goes on with: a token, or a mixture of several in its place.</summary>
internal readonly record struct BranchRow(int Token, TokenMixture? Mixture = null);

/// <summary>A branch of the next pass.</summary>
/// <param name="Parent">Its place among the branches of this pass, whose keys and values it goes on from.</param>
/// <param name="Rows">What it appends.</param>
/// <param name="Dropped">Rows at the parent's end that it does not keep.</param>
internal readonly record struct BranchStep(int Parent, BranchRow[] Rows, int Dropped = 0);

/// <summary>The logits of the branches of a pass: of the last row of each.</summary>
internal interface IBranchLogits
{
    /// <summary>The tokens of a branch's largest logits, largest first; valid until the next pass.</summary>
    ReadOnlySpan<int> Best(int branch, int count, out ReadOnlySpan<float> logits);

    /// <summary>All logits of a branch.</summary>
    /// <param name="branch">Which.</param>
    /// <param name="logits">[vocabulary].</param>
    void Download(int branch, Span<float> logits);
}

/// <summary>
/// A way to make several continuations of one prompt: after each pass it says which branches go on and by what. Host code without a device;
/// keys and values are moved by whoever runs it.
/// </summary>
internal abstract class DraftStrategy
{
    /// <summary>Branches of a pass at most; where it is 1, the prompt's own keys and values are gone on from.</summary>
    public abstract int Branches { get; }
    /// <summary>How many of the largest logits of a row it asks for.</summary>
    public virtual int TopCount => 0;
    /// <summary>Drafts that go on, as of the last step.</summary>
    public abstract IReadOnlyList<ScoredDraft> Alive { get; }
    /// <summary>Drafts that have ended, the best first.</summary>
    public abstract IReadOnlyList<ScoredDraft> Ended { get; }
    /// <summary>The result: the best of both, the best first.</summary>
    public abstract IReadOnlyList<ScoredDraft> Ranked { get; }
    /// <summary>Where a draft's best token would have completed a denied text, so far.</summary>
    public virtual IReadOnlyList<DenyHit> DenyHits => [];
    /// <summary>Time that n-grams have taken, in ticks.</summary>
    public virtual long LookupTicks => 0;

    /// <summary>Takes the logits of all branches, at first those after the prompt as branch 0.</summary>
    /// <returns>The branches of the next pass; none where it is done.</returns>
    public abstract IReadOnlyList<BranchStep> Step(IBranchLogits logits);
}
