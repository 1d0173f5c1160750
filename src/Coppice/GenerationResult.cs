namespace Coppice;

/// <summary>Result of a generation: how it ended, and what it took.</summary>
public sealed record GenerationResult
{
    /// <summary>Why it ended.</summary>
    public required FinishReason FinishReason { get; init; }
    /// <summary>The stop string that ended it; null unless one did.</summary>
    public string? Stop { get; init; }
    /// <summary>
    /// The token that ended it: one that ends texts, or the special token that <see cref="Stop"/> is; null where the reason is another.
    /// </summary>
    public int? StopId { get; init; }
    /// <summary>Tokens of the prompt.</summary>
    public required int PromptTokens { get; init; }
    /// <summary>Those of them whose keys and values the session still had.</summary>
    public required int ReusedTokens { get; init; }
    /// <summary>The generated tokens, the one that ended the text included.</summary>
    public required IReadOnlyList<int> Ids { get; init; }
    /// <summary>The text of the generated tokens up to a stop string; empty for a model without a tokenizer.</summary>
    public required string Text { get; init; }
    /// <summary>
    /// All sequences of a strategy that makes several, the best first, which is this result; empty without one, and where it was cancelled.
    /// </summary>
    public IReadOnlyList<GeneratedSequence> Sequences { get; init; } = [];
    /// <summary>From the call to the first token.</summary>
    public required TimeSpan FirstTokenTime { get; init; }
    /// <summary>Passes over the prompt, the one that gave the first token among them.</summary>
    public required TimeSpan PrefillTime { get; init; }
    /// <summary>All later passes.</summary>
    public required TimeSpan DecodeTime { get; init; }
    /// <summary>Passes that chose tokens.</summary>
    public required int Steps { get; init; }
    /// <summary>Tokens that a drafter proposed.</summary>
    public required int DraftedTokens { get; init; }
    /// <summary>Those of them that were accepted.</summary>
    public required int AcceptedTokens { get; init; }
    /// <summary>Time of the drafter within <see cref="DecodeTime"/>.</summary>
    public required TimeSpan DraftTime { get; init; }
    /// <summary>Time of the model's passes within <see cref="DecodeTime"/>.</summary>
    public required TimeSpan VerifyTime { get; init; }
    /// <summary>Time of everything else within <see cref="DecodeTime"/>: choosing, committing, and what the drafter learns.</summary>
    public required TimeSpan HostTime { get; init; }
    /// <summary>By depth from 1 on: the share of passes that accepted a token of that depth among those that proposed one.</summary>
    public required IReadOnlyList<double> AcceptanceByDepth { get; init; }
    /// <summary>
    /// Where the model's own choice would have completed a text that <see cref="GenerationOptions.Deny"/> names, with its probability
    /// before any mask: how sure the model was that the text belongs there. Empty without a deny list.
    /// </summary>
    public IReadOnlyList<Coppice.Constraints.DenyHit> DenyHits { get; init; } = [];
    /// <summary>Prompt tokens run through the model in a second.</summary>
    public required double PrefillTokensPerSecond { get; init; }
    /// <summary>Tokens after the first in a second.</summary>
    public required double DecodeTokensPerSecond { get; init; }
    /// <summary>Tokens for each pass that chose tokens: 1 for plain decoding.</summary>
    public double MeanAcceptedLength => Steps == 0 ? 0 : (double)Ids.Count / Steps;

    /// <summary>
    /// Managed bytes that a decoding step allocated for a token after the first two steps; the text of pieces is not counted.
    /// </summary>
    internal double AllocatedBytesPerToken { get; init; }
}
