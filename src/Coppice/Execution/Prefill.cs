namespace Coppice.Execution;

/// <summary>Tokens of one sequence and what stands of them in its cache, as work that chooses nothing sees them.</summary>
internal interface IPromptSequence : IPreemptible
{
    /// <summary>Tokens.</summary>
    int Count { get; }
    /// <summary>Tokens whose keys and values are missing.</summary>
    int Pending { get; }
    /// <summary>How many of them one pass may take.</summary>
    int Ready { get; }
    /// <summary>
    /// Asks for the next tokens, at most <paramref name="rows"/>, the last <paramref name="nodes"/> of which need logits.
    /// </summary>
    void PlanPrompt(PassRequest request, int rows, int nodes);
    /// <summary>The rows that were planned have run: they are kept.</summary>
    void CompletePrompt(PassRequest request);
}

/// <summary>Runs a prompt through the model and chooses nothing.</summary>
internal sealed class Prefill(Scheduler scheduler, IPromptSequence sequence) : ScheduledWork(scheduler)
{
    private int _reported = -1;

    /// <summary>Told of each pass that has run, with what it ran for the sequence; null for none.</summary>
    public Action<PassRequest, PassReport>? Ran { get; init; }
    /// <inheritdoc/>
    public override IPreemptible Pages => sequence;
    /// <inheritdoc/>
    public override ISharedPrompt? Prompt => sequence as ISharedPrompt;
    /// <inheritdoc/>
    public override int PromptRows => Math.Max(sequence.Pending - 1, 0);
    /// <inheritdoc/>
    public override int TokenCount => sequence.Count;
    /// <inheritdoc/>
    public override bool HasRoom => true;
    /// <inheritdoc/>
    protected override bool IsDone => sequence.Pending == 0;
    /// <inheritdoc/>
    protected override bool HasItems => Done != _reported;

    private int Done => sequence.Count - sequence.Pending;

    /// <inheritdoc/>
    public override void Plan(in PassShare share)
    {
        sequence.PlanPrompt(Request, share.Rows, nodes: 0);
        ExpectedTokens = 0;
    }

    /// <inheritdoc/>
    public override void Complete(in PassReport report)
    {
        lock (Gate) sequence.CompletePrompt(Request);
        Ran?.Invoke(Request, report);
    }

    /// <summary>Tokens in the cache, if they are more than at the last call.</summary>
    public bool TryTake(out int done)
    {
        lock (Gate)
        {
            done = Done;
            if (done == _reported) return false;
            _reported = done;
            return true;
        }
    }
}
