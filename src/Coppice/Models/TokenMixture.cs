namespace Coppice.Models;

/// <summary>A position whose embedding is the weighted mean of several tokens' instead of one token's.</summary>
/// <param name="Ids">At least one token, distinct, each in the vocabulary; at most <see cref="WorkspaceSize.MixtureTerms"/>.</param>
/// <param name="Weights">Their weights, above 0, which add up to 1.</param>
internal sealed record TokenMixture(int[] Ids, float[] Weights);
