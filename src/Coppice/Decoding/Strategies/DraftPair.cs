namespace Coppice.Decoding.Strategies;

/// <summary>
/// A draft and a token to go on with; sorted, the best comes first, of equal ones the earlier draft, then the lower token.
/// </summary>
/// <param name="Score">Of the draft with the token.</param>
/// <param name="Draft">Its place among those that go on.</param>
/// <param name="Token">The token.</param>
internal readonly record struct DraftPair(double Score, int Draft, int Token) : IComparable<DraftPair>
{
    /// <inheritdoc/>
    public int CompareTo(DraftPair other) =>
        Score != other.Score ? other.Score.CompareTo(Score) : Draft != other.Draft ? Draft.CompareTo(other.Draft)
            : Token.CompareTo(other.Token);
}
