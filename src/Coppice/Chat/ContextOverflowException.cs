namespace Coppice;

/// <summary>A conversation leaves no room for an answer in the model's context.</summary>
public sealed class ContextOverflowException : EngineException
{
    /// <summary>An error with the text <paramref name="message"/>.</summary>
    /// <param name="message">What does not fit.</param>
    /// <param name="promptTokens">Tokens that the conversation has.</param>
    /// <param name="contextLength">Tokens that the model takes, the answer included.</param>
    public ContextOverflowException(string message, int promptTokens, int contextLength) : base(message) =>
        (PromptTokens, ContextLength) = (promptTokens, contextLength);

    /// <summary>Tokens that the conversation has.</summary>
    public int PromptTokens { get; }
    /// <summary>Tokens that the model takes, the answer included.</summary>
    public int ContextLength { get; }
}
