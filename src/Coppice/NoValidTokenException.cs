namespace Coppice;

/// <summary>No token can come next: a constraint, biases and bans together leave none.</summary>
public sealed class NoValidTokenException : EngineException
{
    internal NoValidTokenException(int position, IReadOnlyList<TokenLogProb> best)
        : base($"generation: after {position:N0} tokens at least one must be left by constraint, biases and bans, found none (the model's own "
            + $"choices were tokens {string.Join(", ", best.Select(token => token.TokenId))}).") =>
        (Position, Best) = (position, best);

    /// <summary>Tokens before it, the prompt's among them.</summary>
    public int Position { get; }

    /// <summary>What the model would have chosen without any of them, the most probable first.</summary>
    public IReadOnlyList<TokenLogProb> Best { get; }
}
