namespace Coppice;

/// <summary>A host's own change to the logits of the next token, made after constraints and before samplers.</summary>
/// <remarks>
/// It may take its time, and other sequences do not wait for it: text with a processor is made one token at a time, without drafts, on the
/// flow of whoever reads it. A token at -∞ must stay there. One processor serves one text; forks go on independently.
/// </remarks>
public interface ITokenProcessor
{
    /// <summary>Changes <paramref name="logits"/> in place.</summary>
    /// <param name="text">The text so far; <see cref="StepText.Model"/> has its raw logits, and <see cref="StepText.Fork(ulong)"/> looks
    /// ahead.</param>
    /// <param name="logits">[vocabulary]; -∞ for what must not be chosen.</param>
    /// <param name="cancellationToken">Ends the work early.</param>
    ValueTask ProcessAsync(StepText text, Memory<float> logits, CancellationToken cancellationToken);

    /// <summary>A token was appended to the text.</summary>
    void Accept(in TokenObservation token) { }

    /// <summary>A processor with the same state that goes on independently.</summary>
    ITokenProcessor Fork();
}
