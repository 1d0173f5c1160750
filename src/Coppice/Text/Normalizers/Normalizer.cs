namespace Coppice.Text.Normalizers;

/// <summary>Rewrites text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    /// <summary>
    /// The rewritten text; the same instance where nothing changes. <paramref name="atStart"/> says whether the text begins where the whole
    /// input begins, and becomes false if its beginning is dropped.
    /// </summary>
    public abstract string Normalize(string text, ref bool atStart);

    /// <summary>The rewritten text.</summary>
    public string Normalize(string text)
    {
        var atStart = true;
        return Normalize(text, ref atStart);
    }
}

/// <summary>A normalizer that is a function and keeps the beginning.</summary>
internal sealed class Rewrite : Normalizer
{
    private readonly Func<string, string> _rewrite;

    public Rewrite(Func<string, string> rewrite) => _rewrite = rewrite;

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart) => _rewrite(text);
}

/// <summary>Normalizers one after the other.</summary>
internal sealed class NormalizerSequence : Normalizer
{
    private readonly Normalizer[] _parts;

    public NormalizerSequence(Normalizer[] parts) => _parts = parts;

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart)
    {
        foreach (var part in _parts) text = part.Normalize(text, ref atStart);
        return text;
    }
}
