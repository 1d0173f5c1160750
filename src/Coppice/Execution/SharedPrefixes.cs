namespace Coppice.Execution;

/// <summary>Where a sequence finds keys and values of others, and offers its own.</summary>
/// <param name="Cache">Keeps them.</param>
/// <param name="Scope">Whose may be used, and who may use them.</param>
/// <param name="Offers">Whether the sequence offers its own.</param>
internal sealed record SharedPrefixes(PrefixCache Cache, object Scope, bool Offers)
{
    /// <summary>Whether what <paramref name="other"/> offers can be found here.</summary>
    public bool Sees(SharedPrefixes? other) =>
        other is { Offers: true } && other.Cache == Cache && ReferenceEquals(other.Scope, Scope) && Cache.Keeps;
}
