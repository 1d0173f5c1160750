namespace Coppice.Decoding.Verification;

/// <summary>What ends a generation by tokens alone.</summary>
/// <param name="MaxTokens">Tokens to generate at most.</param>
/// <param name="EndIds">Tokens that end the text, ascending; empty to go on regardless.</param>
internal sealed record StopRule(int MaxTokens, IReadOnlyList<int> EndIds)
{
    /// <summary>Whether <paramref name="token"/> ends the text.</summary>
    public bool Ends(int token)
    {
        for (var i = 0; i < EndIds.Count; i++)
        {
            if (EndIds[i] == token) return true;
        }
        return false;
    }
}
