namespace Coppice.Server.Responses;

/// <summary>One pass of a generation, for the page.</summary>
/// <param name="Position">Tokens before it.</param>
/// <param name="Tree">What it looked at, the root first; empty for a piece of the prompt.</param>
/// <param name="Path">The nodes that were accepted, the root first.</param>
/// <param name="Tokens">What it gave.</param>
/// <param name="Rows">Rows that ran.</param>
/// <param name="Sequences">Sequences that shared it.</param>
/// <param name="KvBytes">Bytes of keys and values that the sequence holds after it.</param>
/// <param name="DraftMs">Milliseconds of the drafter.</param>
/// <param name="PassMs">Milliseconds on the device.</param>
/// <param name="HostMs">Milliseconds of everything else.</param>
internal sealed record TraceStep(
    int Position, IReadOnlyList<TraceNode> Tree, IReadOnlyList<int> Path, IReadOnlyList<TraceToken> Tokens, int Rows, int Sequences,
    long KvBytes, double DraftMs, double PassMs, double HostMs);

/// <summary>A token of a tree, and the node before it, -1 for the root.</summary>
internal sealed record TraceNode(string Text, int Parent);

/// <summary>A token that was given: ln p and the best ones; null and none where it was forced.</summary>
internal sealed record TraceToken(int Id, string Text, double? Logprob, IReadOnlyList<TraceBest> Top);

/// <summary>One of the most probable tokens.</summary>
internal sealed record TraceBest(string Text, double Logprob);
