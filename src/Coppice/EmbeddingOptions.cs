namespace Coppice;

/// <summary>How texts become vectors. What is not set is as the model's folder says.</summary>
public sealed record EmbeddingOptions
{
    /// <summary>
    /// How states become one vector; null, the default, for what 1_Pooling/config.json says or, where there is no modules.json, the mean
    /// for encoders and the last token for decoders.
    /// </summary>
    public Pooling? Pooling { get; init; }

    /// <summary>
    /// Whether vectors are divided by their Euclidean length; null, the default, for whether modules.json has a Normalize module, and true
    /// where there is no modules.json.
    /// </summary>
    public bool? Normalize { get; init; }

    internal void Validate()
    {
        if (Pooling is { } pooling && !Enum.IsDefined(pooling))
            throw new ArgumentOutOfRangeException(nameof(Pooling), $"options: Pooling is not known: {pooling}.");
    }
}
