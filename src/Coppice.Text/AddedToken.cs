namespace Coppice.Text;

/// <summary>A token beside the model's vocabulary, found in the text before the model sees it.</summary>
internal sealed record AddedToken
{
    public required int Id { get; init; }

    /// <summary>The token as written.</summary>
    public required string Content { get; init; }

    /// <summary>What is looked for and what decoding starts from: the content, after the normalizer if the token is normalized.</summary>
    public required string Form { get; init; }

    /// <summary>Whether it counts only where no word character touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Whether it swallows white space before it.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Whether it swallows white space after it.</summary>
    public bool StripsRight { get; init; }

    /// <summary>Whether it is looked for in the normalized text instead of the text as given.</summary>
    public bool Normalized { get; init; }

    public bool Special { get; init; }
}
