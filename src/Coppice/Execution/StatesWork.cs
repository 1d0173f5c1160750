namespace Coppice.Execution;

/// <summary>Receives hidden states of consecutive positions.</summary>
/// <param name="layer">Which states, by <see cref="Models.HiddenLayer"/>.</param>
/// <param name="first">Position of the first row.</param>
/// <param name="states">[rows, hidden]; valid during the call.</param>
internal delegate void StatesReceiver(int layer, int first, ReadOnlySpan<float> states);

/// <summary>
/// Runs given tokens through the model and hands on the hidden states of every position, on the thread that drives. A sequence that gave
/// its pages up hands positions on again, with the same bits.
/// </summary>
/// <param name="scheduler">Runs its passes.</param>
/// <param name="sequence">Holds the tokens; its cache is empty.</param>
/// <param name="layers">At least one of <see cref="Models.HiddenLayer"/>, each once.</param>
/// <param name="receive">Gets them, block by block.</param>
internal sealed class StatesWork(Scheduler scheduler, IPromptSequence sequence, ReadOnlyMemory<int> layers, StatesReceiver receive)
    : ScheduledWork(scheduler)
{
    private const int Block = 64;
    private float[] _states = [];

    /// <inheritdoc/>
    public override IPreemptible Pages => sequence;
    /// <inheritdoc/>
    public override int PromptRows => Math.Max(sequence.Pending - 1, 0);
    /// <inheritdoc/>
    public override int TokenCount => sequence.Count;
    /// <inheritdoc/>
    public override bool HasRoom => true;
    /// <inheritdoc/>
    protected override bool IsDone => sequence.Pending == 0;
    /// <inheritdoc/>
    protected override bool HasItems => false;

    /// <inheritdoc/>
    public override void Plan(in PassShare share)
    {
        sequence.PlanPrompt(Request, share.Rows, nodes: 0);
        Request.Hidden(layers, 0, Request.Rows);
        ExpectedTokens = 0;
    }

    /// <inheritdoc/>
    public override void Complete(in PassReport report)
    {
        var (first, width) = (sequence.Count - sequence.Pending, Request.Output.HiddenSize);
        if (_states.Length == 0) _states = new float[Block * width];
        foreach (var layer in layers.Span)
        {
            for (var row = 0; row < Request.Rows; row += Block)
            {
                var count = Math.Min(Block, Request.Rows - row);
                var states = _states.AsSpan(0, count * width);
                Request.Output.Hidden(layer, row, count, states);
                receive(layer, first + row, states);
            }
        }
        lock (Gate) sequence.CompletePrompt(Request);
    }
}
