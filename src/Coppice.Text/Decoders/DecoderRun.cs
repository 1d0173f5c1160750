namespace Coppice.Text.Decoders;

/// <summary>The state of one stage while a sequence is decoded; it hands on what is final.</summary>
internal abstract class DecoderRun
{
    /// <summary>Where the output goes.</summary>
    public DecoderRun? Next { get; set; }

    /// <summary>Takes the next token, or the next part of a running text.</summary>
    public abstract void Push(ReadOnlySpan<char> token);

    /// <summary>The sequence is complete: hands on what was held back.</summary>
    public virtual void End() => Next!.End();

    /// <summary>Hands on all that no later token can change; until then a stage may collect.</summary>
    public virtual void Settle() => Next!.Settle();

    protected void Emit(ReadOnlySpan<char> token) => Next!.Push(token);
}
