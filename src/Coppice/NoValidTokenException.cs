namespace Coppice;

/// <summary>No token can come next: a constraint, biases and bans together leave none.</summary>
public sealed class NoValidTokenException : EngineException
{
    internal NoValidTokenException(int position, IReadOnlyList<TokenLogProb> best, string? constraints = null)
        : base($"generation: after {position:N0} tokens at least one must be left by constraint, biases and bans, found none"
            + (best.Count == 0 ? "" : $" (the model's own choices were tokens {string.Join(", ", best.Select(token => token.TokenId))})")
            + (constraints is null ? "." : $"; allowed by each alone: {constraints}.")) =>
        (Position, Best, Constraints) = (position, best, constraints);

    /// <summary>Tokens before it, the prompt's among them.</summary>
    public int Position { get; }

    /// <summary>How many tokens each constraint allows alone: "GrammarConstraint 1, DenyConstraint 4,095"; null for none.</summary>
    public string? Constraints { get; }

    /// <summary>What the model would have chosen without any of them, the most probable first.</summary>
    public IReadOnlyList<TokenLogProb> Best { get; }
}
