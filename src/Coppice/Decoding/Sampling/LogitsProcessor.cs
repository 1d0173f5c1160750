namespace Coppice.Decoding.Sampling;

/// <summary>Changes the logits of the next token: a function of the tokens so far and the logits, without memory, so that it is right on every branch of a tree.</summary>
/// <remarks>A token that must not be chosen gets -∞. Processors run in the order of their list. They may be shared between threads.</remarks>
internal abstract class LogitsProcessor
{
    /// <summary>Changes <paramref name="logits"/> [vocabulary] in place.</summary>
    /// <param name="tokens">Prompt and what was generated, in order.</param>
    /// <param name="logits">Logits without NaN.</param>
    public abstract void Apply(ReadOnlySpan<int> tokens, Span<float> logits);
}
