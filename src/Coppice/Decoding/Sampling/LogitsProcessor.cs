namespace Coppice.Decoding.Sampling;

/// <summary>
/// Changes the logits of the next token: a function of the tokens so far, the ids and the logits, without memory, so that it is right on
/// every branch of a tree. Only <see cref="Mirostat"/> remembers, and is told of every token.
/// </summary>
/// <remarks>
/// A token that must not be chosen gets -∞. Processors run in the order of their list. They may be shared between threads.
/// </remarks>
internal abstract class LogitsProcessor
{
    /// <summary>Whether the largest logits of a row may stand for the row.</summary>
    /// <remarks>
    /// A processor may say so if it changes the candidates as it would in the whole row and keeps <see cref="Candidates.Bound"/> true. One
    /// that raises logits cannot: a token that is not among the largest may come to be.
    /// </remarks>
    public abstract bool AllowsCandidates { get; }

    /// <summary>
    /// How many of the largest logits it may lower, so that more of them are needed; <see cref="int.MaxValue"/> for no limit.
    /// </summary>
    public virtual int MostLowered => 0;

    /// <summary>
    /// Whether what it does depends on every token that can still be chosen, so that among the largest logits it does nothing before
    /// something <see cref="CutsOff"/> the others.
    /// </summary>
    public virtual bool NeedsAll => false;

    /// <summary>Whether it leaves so few tokens that the largest logits nearly always hold them all.</summary>
    public virtual bool CutsOff => false;

    /// <summary>Changes the logits of <paramref name="candidates"/> in place.</summary>
    /// <param name="tokens">Prompt and what was generated, in order.</param>
    /// <param name="candidates">A whole row, or its largest logits if the processor allows them; without NaN.</param>
    public abstract void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates);
}
