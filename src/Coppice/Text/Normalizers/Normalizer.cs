namespace Coppice.Text.Normalizers;

/// <summary>Rewrites text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    /// <summary>The rewritten text; the same instance where nothing changes.</summary>
    public abstract string Normalize(string text);
}

/// <summary>A normalizer that is a function.</summary>
internal sealed class Rewrite : Normalizer
{
    private readonly Func<string, string> _rewrite;

    public Rewrite(Func<string, string> rewrite) => _rewrite = rewrite;

    /// <inheritdoc/>
    public override string Normalize(string text) => _rewrite(text);
}

/// <summary>Normalizers one after the other.</summary>
internal sealed class NormalizerSequence : Normalizer
{
    private readonly Normalizer[] _parts;

    public NormalizerSequence(Normalizer[] parts) => _parts = parts;

    /// <inheritdoc/>
    public override string Normalize(string text)
    {
        foreach (var part in _parts) text = part.Normalize(text);
        return text;
    }
}
