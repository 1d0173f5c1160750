namespace Coppice.Execution;

/// <summary>Runs given tokens through the model and hands on the logits of some, block by block.</summary>
/// <param name="scheduler">Runs its passes.</param>
/// <param name="sequence">Holds the tokens; its cache is empty.</param>
/// <param name="firstScored">The first position whose logits are wanted.</param>
internal abstract class ScoringWork(Scheduler scheduler, IPromptSequence sequence, int firstScored) : ScheduledWork(scheduler)
{
    /// <inheritdoc/>
    public override IPreemptible Pages => sequence;
    /// <inheritdoc/>
    public override int PromptRows => Math.Max(sequence.Pending - 1, 0);
    /// <inheritdoc/>
    public override int TokenCount => sequence.Count;
    /// <inheritdoc/>
    protected override bool IsDone => sequence.Pending == 0;

    /// <summary>Rows of a pass at most.</summary>
    protected virtual int MostRows => int.MaxValue;

    /// <inheritdoc/>
    public override void Plan(in PassShare share)
    {
        var first = sequence.Count - sequence.Pending;
        var rows = Math.Min(Math.Min(share.Rows, sequence.Ready), MostRows);
        sequence.PlanPrompt(Request, rows, nodes: Math.Clamp(first + rows - Math.Max(firstScored, _given), 0, rows));
        Request.ReadsBlocks = true;
        ExpectedTokens = 0;
    }

    /// <inheritdoc/>
    public override void Complete(in PassReport report)
    {
        var first = sequence.Count - sequence.Pending + Request.FirstNode;
        if (Request.NodeCount > 0) Receive(first, Request.Output);
        _given = first + Request.NodeCount;
        lock (Gate) sequence.CompletePrompt(Request);
    }

    /// <summary>
    /// Takes the logits of all nodes of <paramref name="output"/>, the first of which is position <paramref name="first"/>.
    /// </summary>
    protected abstract void Receive(int first, PassOutput output);

    private int _given;     // positions that were handed on, which a sequence that gave its pages up does not hand on again
}

/// <summary>Gives all logits to the consumer.</summary>
internal sealed class LogitsWork(
    Scheduler scheduler, IPromptSequence sequence, float[] logits, int vocabulary) : ScoringWork(scheduler, sequence, 0)
{
    private int _first, _count;

    /// <inheritdoc/>
    public override bool HasRoom => !HasItems;
    /// <inheritdoc/>
    protected override bool HasItems => Volatile.Read(ref _count) > 0;
    /// <inheritdoc/>
    protected override int MostRows => logits.Length / vocabulary;

    /// <summary>Whether a block is there; it stays until <see cref="Next"/>.</summary>
    public bool TryRead(out int first, out ReadOnlySpan<float> block)
    {
        var count = Volatile.Read(ref _count);
        first = _first;
        block = logits.AsSpan(0, count * vocabulary);
        return count > 0;
    }

    /// <summary>The block was read.</summary>
    public void Next() => Volatile.Write(ref _count, 0);

    /// <inheritdoc/>
    protected override void Receive(int first, PassOutput output)
    {
        output.Download(0, output.Count, logits.AsSpan(0, output.Count * vocabulary));
        _first = first;
        Volatile.Write(ref _count, output.Count);
    }
}

/// <summary>Reads one row of logits after the other, each with its position.</summary>
internal delegate void RowReceiver(int position, ReadOnlySpan<float> logits);

/// <summary>Hands every row to <paramref name="receive"/>, on the thread that drives, and has nothing else to read.</summary>
internal sealed class RowsWork(Scheduler scheduler, IPromptSequence sequence, int firstScored, int vocabulary, RowReceiver receive)
    : ScoringWork(scheduler, sequence, firstScored)
{
    private const int Block = 8;
    private readonly float[] _block = new float[Block * vocabulary];

    /// <inheritdoc/>
    public override bool HasRoom => true;
    /// <inheritdoc/>
    protected override bool HasItems => false;

    /// <inheritdoc/>
    protected override void Receive(int first, PassOutput output)
    {
        for (var start = 0; start < output.Count; start += Block)
        {
            var count = Math.Min(Block, output.Count - start);
            output.Download(start, count, _block.AsSpan(0, count * vocabulary));
            for (var i = 0; i < count; i++) receive(first + start + i, _block.AsSpan(i * vocabulary, vocabulary));
        }
    }
}
