using Coppice.Execution;

namespace Coppice.Embeddings;

/// <summary>Runs a text through the model and gives the last hidden states of its tokens to a pooler.</summary>
/// <param name="scheduler">Runs its passes.</param>
/// <param name="sequence">Holds the tokens; its cache is empty.</param>
/// <param name="isWhole">Whether the model is an encoder.</param>
/// <param name="pooler">Takes the states, on the thread that drives.</param>
/// <param name="states">Scratch [some rows, hidden]; works of one model are completed one after the other and share it.</param>
/// <param name="hidden">Elements of a state.</param>
internal sealed class EmbeddingWork(
    Scheduler scheduler, IPromptSequence sequence, bool isWhole, Pooler pooler, float[] states, int hidden) : ScheduledWork(scheduler)
{
    private int _given;     // tokens whose states were handed on, which a sequence that gave its pages up does not hand on again

    /// <inheritdoc/>
    public override bool IsWhole => isWhole;
    /// <inheritdoc/>
    public override IPreemptible Pages => sequence;
    /// <inheritdoc/>
    public override int PromptRows => Math.Max(sequence.Pending - 1, 0);
    /// <inheritdoc/>
    public override int TokenCount => sequence.Count;
    /// <inheritdoc/>
    public override bool HasRoom => true;
    /// <inheritdoc/>
    protected override bool IsDone => _given == sequence.Count;
    /// <inheritdoc/>
    protected override bool HasItems => false;

    /// <inheritdoc/>
    public override void Plan(in PassShare share)
    {
        sequence.PlanPrompt(Request, share.Rows, nodes: 0);
        ExpectedTokens = 0;
    }

    /// <inheritdoc/>
    public override void Complete(in PassReport report)
    {
        var first = sequence.Count - sequence.Pending;
        var most = states.Length / hidden;
        for (var row = Math.Max(_given - first, 0); row < Request.Rows; row += most)
        {
            var count = Math.Min(most, Request.Rows - row);
            var part = states.AsSpan(0, count * hidden);
            Request.Output.Final(row, count, part);
            pooler.Add(part);
        }
        _given = Math.Max(_given, first + Request.Rows);
        lock (Gate) sequence.CompletePrompt(Request);
    }
}
