using Coppice.Decoding.Sampling;
using Coppice.Execution;

namespace Coppice.Drafting;

/// <summary>What a drafter may use to propose: the tokens so far, how large the tree may become, and how the target will choose.</summary>
internal readonly ref struct DraftRequest
{
    /// <summary>All tokens of the sequence, the last one the root of the tree.</summary>
    public required ReadOnlySpan<int> Tokens { get; init; }
    /// <summary>Nodes, the root counted.</summary>
    public required int MaxNodes { get; init; }
    /// <summary>Depth of the deepest node that can still be used, at least 1.</summary>
    public required int MaxDepth { get; init; }
    /// <summary>
    /// How the target chooses: a drafter that samples applies the same processors and draws with the same seed, from streams of its own.
    /// </summary>
    public required Sampler Sampler { get; init; }
    /// <summary>Times of passes, for a drafter that chooses the size of its tree.</summary>
    public required PassCosts Costs { get; init; }
    /// <summary>What a constraint on the text leaves; null where everything is allowed. What it refuses is never accepted.</summary>
    public IDraftFilter? Filter { get; init; }
    /// <summary>Rows that other sequences have in the same pass; 0 where the sequence has the pass to itself.</summary>
    public int OtherRows { get; init; }
    /// <summary>Tokens that those rows are expected to give.</summary>
    public double OtherTokens { get; init; }
    /// <summary>
    /// What a node takes, in seconds, in a pass with pieces of prompts, which has work for every row; 0 in one without, of which the times
    /// of passes say it.
    /// </summary>
    public double RowSeconds { get; init; }
}
