using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>Proposes nothing: plain decoding.</summary>
internal sealed class NoDrafter : Drafter
{
    /// <inheritdoc/>
    public override bool MayDraft => false;

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree) { }
}
