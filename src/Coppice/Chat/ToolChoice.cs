namespace Coppice;

/// <summary>Whether a model calls functions.</summary>
public sealed record ToolChoice
{
    private ToolChoice() { }

    /// <summary>As it sees fit.</summary>
    public static ToolChoice Auto { get; } = new();

    /// <summary>Never: the model is not told of the functions.</summary>
    public static ToolChoice None { get; } = new();

    /// <summary>At least one, whichever.</summary>
    public static ToolChoice Required { get; } = new();

    /// <summary>The function that must be called; null for any.</summary>
    public string? Name { get; private init; }

    /// <summary>Whether the answer must be a call.</summary>
    public bool IsRequired => ReferenceEquals(this, Required) || Name is not null;

    /// <summary>Exactly the function <paramref name="name"/>.</summary>
    public static ToolChoice Function(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new ToolChoice { Name = name };
    }

    /// <summary>Whether it is the same choice.</summary>
    public bool Equals(ToolChoice? other) => ReferenceEquals(this, other) || (Name is not null && Name == other?.Name);

    /// <inheritdoc/>
    public override int GetHashCode() => Name?.GetHashCode(StringComparison.Ordinal)
        ?? System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}
