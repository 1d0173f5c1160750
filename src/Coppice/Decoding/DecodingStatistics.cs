using Coppice.Decoding.Verification;

namespace Coppice.Decoding;

/// <summary>Counts and times of one generation.</summary>
/// <param name="levels">Levels of a token tree, the root's counted.</param>
internal sealed class DecodingStatistics(int levels)
{
    private readonly int[] _proposed = new int[levels], _accepted = new int[levels];

    /// <summary>Prompt tokens whose keys and values were there already.</summary>
    public int ReusedTokens { get; set; }
    /// <summary>Rows run for the prompt, and again where a longrope model changed its frequencies.</summary>
    public int PrefilledTokens { get; set; }
    /// <summary>Passes that chose tokens.</summary>
    public int Steps { get; set; }
    /// <summary>Nodes proposed by the drafter.</summary>
    public int DraftedTokens { get; private set; }
    /// <summary>Nodes of them that were accepted.</summary>
    public int AcceptedTokens { get; private set; }
    /// <summary>Passes whose tree reached a depth, by depth; the root's first.</summary>
    public IReadOnlyList<int> ProposedByDepth => _proposed;
    /// <summary>Passes that accepted a node of a depth, by depth; the root's first.</summary>
    public IReadOnlyList<int> AcceptedByDepth => _accepted;
    public TimeSpan PrefillTime { get; set; }
    public TimeSpan DraftTime { get; set; }
    /// <summary>The target's passes: layers, head, best tokens.</summary>
    public TimeSpan VerifyTime { get; set; }
    /// <summary>Choosing, committing, and what the drafter learns.</summary>
    public TimeSpan HostTime { get; set; }
    /// <summary>Managed bytes allocated by the steps after the first two.</summary>
    public long AllocatedBytes { get; set; }
    /// <summary>Tokens that those steps gave.</summary>
    public int MeasuredTokens { get; set; }

    /// <summary>Counts what was run of the prompt before this generation began as part of it.</summary>
    public void TakeOver(DecodingStatistics earlier)
    {
        ReusedTokens = earlier.ReusedTokens;
        PrefilledTokens += earlier.PrefilledTokens;
        PrefillTime += earlier.PrefillTime;
    }

    /// <summary>Takes the times of several continuations of a prompt of <paramref name="promptTokens"/> tokens.</summary>
    public void TakeDrafts(DraftsTiming timing, int promptTokens)
    {
        (Steps, PrefilledTokens) = (timing.Steps, promptTokens - ReusedTokens);
        (PrefillTime, VerifyTime, HostTime) = (timing.FirstToken, timing.Forward, timing.Merge);
    }

    /// <summary>Counts a pass over <paramref name="tree"/> that accepted a number of nodes, the root among them.</summary>
    public void Add(TokenTree tree, int accepted)
    {
        DraftedTokens += tree.Count - 1;
        AcceptedTokens += accepted - 1;
        var deepest = 0;
        foreach (var depth in tree.Depths) deepest = Math.Max(deepest, depth);
        for (var depth = 0; depth <= deepest; depth++) _proposed[depth]++;
        for (var depth = 0; depth < accepted; depth++) _accepted[depth]++;
    }
}
