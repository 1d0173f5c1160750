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
}
