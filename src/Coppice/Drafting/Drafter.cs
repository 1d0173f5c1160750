using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>What a drafter needs beyond the tokens.</summary>
[Flags]
internal enum DrafterNeeds
{
    /// <summary>Nothing: logits are computed only for the nodes that the walk visits.</summary>
    None = 0,
    /// <summary>The target's best tokens of every node, accepted or not; without it those of visited nodes alone.</summary>
    EveryNode = 1,
}

/// <summary>Proposes tokens that the model verifies in one pass.</summary>
/// <remarks>
/// A deterministic drafter adds nodes with <see cref="TokenTree.Add"/> and is verified by rules V0 and V1. One that samples without
/// replacement adds them with <see cref="TokenTree.AddSampled"/>, in the order of its draws, and gives the distribution of a node's
/// children in <see cref="Proposals"/>: rules V2 and V3. State that was learned may stay from one generation to the next; it must never
/// change which text is possible.
/// </remarks>
internal abstract class Drafter : IDisposable
{
    /// <summary>Whether it ever proposes anything.</summary>
    public virtual bool MayDraft => true;

    /// <summary>How many of the target's best tokens of a row <see cref="Accept"/> is told; 0 for none.</summary>
    public virtual int TopCount => 0;

    /// <summary>What it needs; the same during a generation.</summary>
    public virtual DrafterNeeds Needs => DrafterNeeds.None;

    /// <summary>A generation begins with <paramref name="prompt"/>, which may repeat or extend the sequence of the one before.</summary>
    public virtual void Begin(ReadOnlySpan<int> prompt) { }

    /// <summary>
    /// Adds nodes under the root of <paramref name="tree"/>, within the limits of <paramref name="request"/>; none is fine.
    /// </summary>
    public abstract void Draft(in DraftRequest request, TokenTree tree);

    /// <summary>
    /// For every node with sampled children, what the first of them was drawn from; the next ones were drawn from what is left of it.
    /// </summary>
    public virtual Proposals<double> Proposals =>
        throw new NotSupportedException("A drafter that adds sampled nodes says what they were drawn from.");

    /// <summary>The model has verified the tree; also called for a pass without a draft.</summary>
    public virtual void Accept(in VerificationResult verification) { }

    /// <summary>Frees what the drafter holds.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the drafter holds.</summary>
    protected virtual void Dispose(bool disposing) { }
}
