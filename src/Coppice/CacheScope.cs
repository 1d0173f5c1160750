namespace Coppice;

/// <summary>Separates tenants of one model: what is learned from the texts of one scope is never used for another.</summary>
/// <remarks>
/// An identity: two scopes are different even when their names are equal. Sessions of different scopes share no pages of keys and values,
/// no index of earlier texts and no drafting statistics. A model holds what belongs to a scope only while the scope itself is alive.
/// </remarks>
public sealed class CacheScope
{
    /// <summary>Creates a scope that shares nothing with any other.</summary>
    /// <param name="name">A name for messages; it does not identify the scope.</param>
    /// <exception cref="ArgumentException">The name is null or empty.</exception>
    public CacheScope(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Name = name;
    }

    /// <summary>The scope of sessions that name none.</summary>
    public static CacheScope Default { get; } = new("default");

    /// <summary>The name for messages.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
