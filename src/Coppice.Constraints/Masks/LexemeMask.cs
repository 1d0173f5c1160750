namespace Coppice.Constraints.Masks;

/// <summary>
/// The part of a string's mask that does not depend on what is around it: tokens that stay inside, and for each way in which the string
/// may end the tails of the tokens that end it.
/// </summary>
/// <param name="Inside">Tokens that stay inside the string.</param>
/// <param name="Endings">For each outcome (its key is the caller's) the tails of the tokens that lead to it.</param>
internal sealed record LexemeMask(ulong[] Inside, (ulong Outcome, TailTrie Tails)[] Endings);
