namespace Coppice;

/// <summary>Options of one session.</summary>
public sealed record SessionOptions
{
    /// <summary>
    /// Whose sessions this one shares prompts' keys and values and drafting statistics with; the model's common scope by default.
    /// </summary>
    public CacheScope Scope { get; init; } = CacheScope.Default;

    /// <summary>
    /// Whether keys and values of prompts that other sessions of the scope have run are used, and those of this session offered; true by
    /// default.
    /// </summary>
    public bool SharePrefixes { get; init; } = true;

    internal void Validate() => ArgumentNullException.ThrowIfNull(Scope);
}
