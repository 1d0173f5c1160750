namespace Coppice.Execution;

/// <summary>Runs the tokens of a sequence and copies the logits after the last one; the sequence keeps what was run.</summary>
/// <param name="scheduler">Runs its passes.</param>
/// <param name="sequence">Holds the tokens, one of which at least has not been run.</param>
/// <param name="row">[vocabulary].</param>
internal sealed class RowWork(Scheduler scheduler, IPromptSequence sequence, float[] row)
    : ScoringWork(scheduler, sequence, sequence.Count - 1)
{
    /// <inheritdoc/>
    public override bool HasRoom => true;
    /// <inheritdoc/>
    protected override bool HasItems => false;

    /// <inheritdoc/>
    protected override void Receive(int first, PassOutput output) => output.Download(output.Count - 1, row);
}
