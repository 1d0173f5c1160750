namespace Coppice;

/// <summary>A token and the natural logarithm of its probability.</summary>
/// <param name="TokenId">The token.</param>
/// <param name="LogProbability">ln p, at most 0.</param>
public readonly record struct TokenLogProb(int TokenId, double LogProbability);

/// <summary>
/// What the model thought of one position: log-softmax of its logits, before temperature, penalties or any cut unless
/// <see cref="GenerationOptions.LogProbMode"/> says otherwise.
/// </summary>
/// <param name="Chosen">ln p of the token that was chosen.</param>
/// <param name="Best">The most probable tokens, largest first, equal ones by ascending id.</param>
public sealed record TokenLogProbs(double Chosen, IReadOnlyList<TokenLogProb> Best);
