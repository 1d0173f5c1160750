using Coppice.Execution;

namespace Coppice.Drafting;

/// <summary>
/// What a tree is worth in a pass that it may share with other sequences: expected tokens of all of them for the time of the whole pass.
/// </summary>
/// <param name="costs">Times of passes.</param>
/// <param name="otherRows">Rows of other sequences in the same pass.</param>
/// <param name="otherTokens">Tokens that those are expected to give.</param>
/// <param name="rowSeconds">What a node takes beside prompts; 0 without.</param>
/// <remarks>
/// Beside prompts a token is worth what it takes in a pass of the same sequences without them: the prompts' rows are work of their own, and
/// make a node no better.
/// </remarks>
internal readonly struct PassEconomics(PassCosts costs, int otherRows, double otherTokens, double rowSeconds = 0)
{
    /// <summary>
    /// What the nodes of a pass that others share are taken to cost of what they seem to: where gain and cost are about equal, a wrong
    /// guess costs everyone.
    /// </summary>
    private const double Caution = 1.05;

    /// <summary>The economics of a request.</summary>
    public PassEconomics(in DraftRequest request) : this(request.Costs, request.OtherRows, request.OtherTokens, request.RowSeconds)
    {
    }

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
    public double Seconds(int nodes)
    {
        if (!IsShared && rowSeconds == 0) return costs.Seconds(nodes);
        var plain = costs.Seconds(otherRows + 1);
        var more = rowSeconds > 0 ? (nodes - 1) * rowSeconds : costs.Seconds(otherRows + nodes) - plain;
        return plain + Caution * more;
    }
}
