namespace Coppice.Constraints;

/// <summary>
/// Says which token ids may come next in one sequence. It sees ids only: no logits, no model. Masks are bit words: bit i % 64 of word
/// i / 64 is id i, and a set bit means allowed.
/// </summary>
/// <remarks>One constraint serves one sequence and is not safe for concurrent use; forks are independent of each other.</remarks>
public interface ITokenConstraint
{
    /// <summary>Tokens taken so far.</summary>
    int Position { get; }

    /// <summary>Whether the text may end here: then the end ids are in the mask.</summary>
    bool CanStop { get; }

    /// <summary>Whether the text must end here: only end ids are in the mask.</summary>
    bool MustStop { get; }

    /// <summary>
    /// Whether <see cref="PrepareAsync"/> may have to wait for something else, such as an analysis. Until it has ended nothing else is then
    /// asked of the constraint, other sequences go on meanwhile, and tokens that must come are chosen one by one. True unless a constraint
    /// says that it always knows its mask.
    /// </summary>
    bool MayWait => true;

    /// <summary>
    /// Finds the next mask ahead of time, for example while a device works. Awaited before a mask or a token of a constraint that
    /// <see cref="MayWait"/>; cancelling leaves the state as it was.
    /// </summary>
    /// <param name="cancellationToken">Ends the work early.</param>
    ValueTask PrepareAsync(CancellationToken cancellationToken = default);

    /// <summary>Writes the mask of the next token.</summary>
    /// <param name="mask">One bit for each id of the vocabulary; must have at least <see cref="TokenVocabulary.MaskWords"/> words. Words beyond are cleared.</param>
    /// <param name="tokensLeft">Tokens that may still be generated, the end id not among them: only tokens after which the text can still be
    /// ended within the rest are allowed, as far as a short ending is known.</param>
    /// <returns>False where every id is allowed; the mask is then all ones.</returns>
    bool FillMask(Span<ulong> mask, int tokensLeft = int.MaxValue);

    /// <summary>Takes a token; false, and nothing changes, where it is not allowed. An end id is allowed where <see cref="CanStop"/> holds.</summary>
    bool TryAdvance(int token);

    /// <summary>
    /// Writes the tokens that must come next because nothing else can, the longest such stretch that fits. Where the vocabulary can split
    /// texts (<see cref="TokenVocabulary.Encode"/>), what is forced is the text, and its tokens are those that the tokenizer gives it.
    /// </summary>
    /// <param name="destination">Receives the tokens.</param>
    /// <param name="tokensLeft">As for <see cref="FillMask"/>: nothing is forced that would leave no room for an ending.</param>
    /// <returns>How many were written; 0 where there is a choice.</returns>
    int ForcedTokens(Span<int> destination, int tokensLeft = int.MaxValue);

    /// <summary>Goes back to where <paramref name="position"/> tokens had been taken.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative or ahead.</exception>
    void Rollback(int position);

    /// <summary>A constraint at the same place that goes on independently. Costs O(1).</summary>
    ITokenConstraint Fork();
}
