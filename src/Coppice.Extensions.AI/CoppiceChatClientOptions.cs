namespace Coppice.Extensions.AI;

/// <summary>What holds for every answer of a <see cref="CoppiceChatClient"/> where its <c>ChatOptions</c> do not say otherwise.</summary>
public sealed record CoppiceChatClientOptions
{
    /// <summary>The model's name in responses and metadata; null for the name of its folder.</summary>
    public string? ModelId { get; init; }

    /// <summary>
    /// How answers are generated; by default as the model recommends. With a Seed other than 0 every answer that is given none takes that
    /// one; else each gets one of its own, so that sampled answers to the same question differ.
    /// </summary>
    public GenerationOptions Generation { get; init; } = new() { UseModelDefaults = true };

    /// <summary>Tokens of an answer at most; null, the default, for as many as fit the context.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>What happens to a conversation that is too long; it is refused by default.</summary>
    public ContextOverflow Overflow { get; init; } = ContextOverflow.Refuse;

    /// <summary>
    /// Whose prompts share keys and values with these; the model's common scope by default. One for each tenant keeps them apart.
    /// </summary>
    public CacheScope Scope { get; init; } = CacheScope.Default;

    /// <summary>What tells the time: for responses, and for templates that write the date. The system's clock by default.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(Generation);
        ArgumentNullException.ThrowIfNull(Scope);
        if (MaxOutputTokens is < 1) throw new ArgumentOutOfRangeException(nameof(MaxOutputTokens),
            $"options: MaxOutputTokens must be at least 1, got {MaxOutputTokens}.");
    }
}
