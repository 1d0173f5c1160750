namespace Coppice.Decoding;

/// <summary>Takes the tokens that a pass gives, one after the other.</summary>
internal interface ITokenSink
{
    /// <summary>Takes the next token.</summary>
    /// <param name="token">The token.</param>
    /// <param name="logProbs">Its log-probabilities, where they were asked for.</param>
    /// <param name="end">Why the text ends with it by its tokens, or null.</param>
    /// <returns>Whether the text ends with it for a reason of the sink's own.</returns>
    bool Take(int token, TokenLogProbs? logProbs, FinishReason? end);

    /// <summary>Forgets the tokens of the line that has not ended, which the sequence no longer has: others come in their place.</summary>
    void TakeBack();
}
