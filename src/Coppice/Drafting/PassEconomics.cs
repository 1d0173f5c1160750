using Coppice.Execution;

namespace Coppice.Drafting;

/// <summary>
/// What a tree is worth in a pass that it may share with other sequences: expected tokens of all of them for the time of the whole pass.
/// </summary>
/// <param name="costs">Times of passes.</param>
/// <param name="otherRows">Rows of other sequences in the same pass.</param>
/// <param name="otherTokens">Tokens that those are expected to give.</param>
internal readonly struct PassEconomics(PassCosts costs, int otherRows, double otherTokens)
{
    /// <summary>The economics of a request.</summary>
    public PassEconomics(in DraftRequest request) : this(request.Costs, request.OtherRows, request.OtherTokens) { }

    /// <summary>Whether other sequences are in the pass.</summary>
    public bool IsShared => otherRows > 0;

    /// <summary>
    /// Tokens a second of the whole pass, where a tree of <paramref name="nodes"/> is expected to give <paramref name="tokens"/>.
    /// </summary>
    /// <param name="tokens">Expected tokens of the tree, that after the last accepted node included.</param>
    /// <param name="nodes">Its nodes, the root included.</param>
    /// <param name="seconds">Time of drafting it.</param>
    public double Rate(double tokens, int nodes, double seconds = 0) => (otherTokens + tokens) / (Seconds(nodes) + seconds);

    /// <summary>Time of the whole pass with a tree of <paramref name="nodes"/>.</summary>
    public double Seconds(int nodes) => costs.Seconds(otherRows + nodes);
}
