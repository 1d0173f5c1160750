using Coppice.Models;

namespace Coppice.Execution;

/// <summary>Runs given tokens through the model for what they attend to.</summary>
/// <param name="scheduler">Runs its passes.</param>
/// <param name="sequence">Holds the tokens; its cache is empty.</param>
/// <param name="reader">Keeps what is needed.</param>
internal sealed class AttentionWork(Scheduler scheduler, IPromptSequence sequence, AttentionReader reader)
    : ScoringWork(scheduler, sequence, firstScored: int.MaxValue)
{
    /// <inheritdoc/>
    public override bool HasRoom => true;
    /// <inheritdoc/>
    protected override bool HasItems => false;

    /// <inheritdoc/>
    public override void Plan(in PassShare share)
    {
        base.Plan(share);
        Request.Attention = reader;
    }

    /// <inheritdoc/>
    protected override void Receive(int first, PassOutput output) => throw new InvalidOperationException("attention: no row is scored.");
}
