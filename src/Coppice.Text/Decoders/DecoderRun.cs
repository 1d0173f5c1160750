namespace Coppice.Text.Decoders;

/// <summary>The state of one stage while a sequence is decoded; it hands on what is final.</summary>
internal abstract class DecoderRun
{
    /// <summary>Where the output goes.</summary>
    public DecoderRun? Next { get; set; }

    /// <summary>
    /// Whether this stage and all after it hold nothing back and are past what they do at a beginning: then the next token, if it is not
    /// the first and does not depend on its neighbours (<see cref="DecoderStage.Pass"/>), goes through them as if it were alone.
    /// </summary>
    public virtual bool HoldsNothing => false;

    /// <summary>Takes the next token, or the next part of a running text.</summary>
    public abstract void Push(ReadOnlySpan<char> token);

    /// <summary>Takes the next token, which is not the first: what the stages before this one make of it is known.</summary>
    /// <returns><see cref="HoldsNothing"/>.</returns>
    public virtual bool Push(DecodedToken token)
    {
        Push(token.Middle);
        return HoldsNothing;
    }

    /// <summary>The sequence is complete: hands on what was held back.</summary>
    public virtual void End() => Next!.End();

    /// <summary>Hands on all that no later token can change; until then a stage may collect.</summary>
    public virtual void Settle() => Next!.Settle();

    protected void Emit(ReadOnlySpan<char> token) => Next!.Push(token);
}
