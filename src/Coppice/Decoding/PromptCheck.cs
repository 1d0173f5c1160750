namespace Coppice.Decoding;

/// <summary>What must hold of token ids that a caller gives.</summary>
internal static class PromptCheck
{
    /// <summary>At least one id, all of them in the vocabulary, and room for at least one more.</summary>
    /// <exception cref="ArgumentException">Otherwise.</exception>
    public static void Run(ReadOnlySpan<int> prompt, int vocabularySize, int maxTokens)
    {
        if (prompt.IsEmpty) throw new ArgumentException("prompt: must have at least one token, got none.", nameof(prompt));
        if (prompt.Length >= maxTokens)
            throw new ArgumentException(
                $"prompt: {prompt.Length:N0} tokens leave no room to generate, a session has {maxTokens:N0} (raise "
                + "ModelOptions.ContextLength or shorten the prompt).", nameof(prompt));
        Ids(prompt, vocabularySize);
    }

    /// <summary>All ids in the vocabulary.</summary>
    /// <exception cref="ArgumentException">Otherwise.</exception>
    public static void Ids(ReadOnlySpan<int> ids, int vocabularySize)
    {
        for (var i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)vocabularySize)
                throw new ArgumentException(
                    $"prompt: ids must be 0..{vocabularySize - 1}, got {ids[i]} at {i} (does the tokenizer belong to "
                    + "the model?).", nameof(ids));
        }
    }
}
