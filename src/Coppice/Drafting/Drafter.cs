using Coppice.Decoding.Verification;
using Coppice.Models;

namespace Coppice.Drafting;

/// <summary>What a drafter needs beyond the tokens.</summary>
[Flags]
internal enum DrafterNeeds
{
    /// <summary>Nothing: logits are computed only for the nodes that the walk visits.</summary>
    None = 0,
    /// <summary>The target's best tokens of every node, accepted or not; without it those of visited nodes alone.</summary>
    EveryNode = 1,
    /// <summary>
    /// The hidden states of <see cref="Drafter.HiddenLayers"/> of tokens in front of the tree too: see <see cref="Drafter.TakePrompt"/>.
    /// Without it those of accepted nodes alone, the last token of the prompt among them.
    /// </summary>
    PromptStates = 2,
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

    /// <summary>
    /// Which of the target's hidden states it is told, by <see cref="HiddenLayer"/>, each once; none by default. The same during a
    /// generation. Those of accepted nodes come with <see cref="VerificationResult.Hidden"/>.
    /// </summary>
    public virtual ReadOnlyMemory<int> HiddenLayers => default;

    /// <summary>A generation begins with <paramref name="prompt"/>, which may repeat or extend the sequence of the one before.</summary>
    public virtual void Begin(ReadOnlySpan<int> prompt) { }

    /// <summary>
    /// Hidden states of tokens in front of the tree, for a drafter with <see cref="DrafterNeeds.PromptStates"/>: a prompt in pieces, and
    /// what a constraint forces. Called after <see cref="Begin"/>, and before <see cref="Accept"/> for the same pass, in blocks with
    /// ascending positions.
    /// </summary>
    /// <remarks>
    /// <para>Positions that are left out were not computed for this drafter, and their states do not come later: their keys and values were
    /// there. They are of an earlier generation of the session (if the drafter served it, it was told them then), of another session with
    /// the same beginning, of a fork or a saved session, or of a prefill. <see cref="HiddenRows.First"/> beyond the position after the last
    /// known one is how a drafter learns this. The last token of a prompt is always computed, so whoever reads only the state of the last
    /// accepted node lacks nothing.</para>
    /// <para>A position that comes again was computed again: the sequence had given its memory up, a compressed cache was cut back to a
    /// block's border, or a longrope model has changed its factors. What was told of it and of all positions after it is replaced; the bits
    /// are the same, except for changed factors.</para>
    /// </remarks>
    public virtual void TakePrompt(in HiddenRows states) { }

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
