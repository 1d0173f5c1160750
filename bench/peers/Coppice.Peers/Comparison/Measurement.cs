namespace Coppice.Peers.Comparison;

/// <summary>What one call of an engine says of one test.</summary>
/// <param name="Test">The test's name, the same for every engine.</param>
/// <param name="Speed">Tokens per second.</param>
internal sealed record Measurement(string Test, double Speed)
{
    /// <summary>What else it says, by name; the unit is the end of the name. Null where there is nothing.</summary>
    public IReadOnlyDictionary<string, double>? Details { get; init; }
}

/// <summary>Names of details.</summary>
internal static class Details
{
    public const string ShareOfLimit = "share_of_limit", FirstP50 = "first_token_p50_ms", FirstP99 = "first_token_p99_ms",
        BetweenP50 = "between_tokens_p50_ms", BetweenP99 = "between_tokens_p99_ms";

    /// <summary>All prompts at once, and one pass over a token of each sequence.</summary>
    public const string Prompts = "prompts_ms", Pass = "pass_ms";
}
