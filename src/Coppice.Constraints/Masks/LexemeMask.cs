namespace Coppice.Constraints.Masks;

/// <summary>
/// The part of a string's mask that does not depend on what is around it: tokens that stay inside, and for each way in which the string
/// may end the tokens that end it.
/// </summary>
/// <param name="Inside">Tokens that stay inside the string.</param>
/// <param name="Endings">For each outcome (its key is the caller's) the tokens that lead to it.</param>
internal sealed record LexemeMask(MaskWords Inside, LexemeEnding[] Endings);

/// <summary>Tokens that end a string in one way.</summary>
/// <param name="Outcome">In which.</param>
/// <param name="Tokens">The tokens.</param>
/// <param name="Tails">For each the number of what comes in it after the string.</param>
internal sealed record LexemeEnding(ulong Outcome, int[] Tokens, int[] Tails);

/// <summary>Tokens as bit words that several masks share.</summary>
internal sealed class MaskWords
{
    public MaskWords(ulong[] words)
    {
        Words = words;
        foreach (var word in words) Count += System.Numerics.BitOperations.PopCount(word);
    }

    public ulong[] Words { get; }

    /// <summary>Tokens in it.</summary>
    public int Count { get; }
}
