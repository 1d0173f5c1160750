using Coppice.Decoding.Sampling;
using Coppice.Drafting;
using Coppice.Execution;

namespace Coppice.Tests.Support;

/// <summary>Requests for drafts of a greedy text.</summary>
internal static class Requests
{
    /// <summary>
    /// A request with times of passes, and with rows and tokens of other sequences in the pass; rows cost nothing where no times are given.
    /// </summary>
    public static DraftRequest Of(ReadOnlySpan<int> tokens, PassCosts? costs = null, int otherRows = 0, double otherTokens = 0) => new()
    {
        Tokens = tokens,
        MaxNodes = 96,
        MaxDepth = 31,
        Sampler = new Sampler([], greedy: true, 0),
        Costs = costs ?? PassCosts.Of((1, 1), (96, 1)),
        OtherRows = otherRows,
        OtherTokens = otherTokens,
    };
}
