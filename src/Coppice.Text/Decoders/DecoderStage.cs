namespace Coppice.Text.Decoders;

/// <summary>
/// One step from tokens back to text. After a stage that fuses, the tokens are one running text that arrives in parts;
/// a stage after it must treat the parts as one token.
/// </summary>
internal abstract class DecoderStage
{
    /// <summary>Whether what leaves this stage is one running text.</summary>
    public virtual bool Fuses => false;

    /// <summary>Working memory for one sequence; <paramref name="fused"/> says that the input is one running text.</summary>
    public abstract DecoderRun NewRun(bool fused);

    /// <summary>What becomes of a token that is neither the first nor the last, as text.</summary>
    public abstract string Middle(string token);

    /// <summary>The bytes that such a token stands for where they need not be text by themselves, else null.</summary>
    public virtual byte[]? MiddleBytes(string token) => null;

    /// <summary>
    /// What a run that holds nothing (<see cref="DecoderRun.HoldsNothing"/>) hands on for a token, at once and whatever follows; null where
    /// that depends on the tokens around it.
    /// </summary>
    /// <param name="token">What the stages before this one make of it.</param>
    /// <param name="fused">Whether the input is one running text.</param>
    public virtual string? Pass(string token, bool fused) => null;
}
