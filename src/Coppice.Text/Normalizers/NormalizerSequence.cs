namespace Coppice.Text.Normalizers;

/// <summary>Normalizers one after the other.</summary>
internal sealed class NormalizerSequence : Normalizer
{
    private readonly Normalizer[] _parts;

    public NormalizerSequence(Normalizer[] parts) => _parts = parts;

    /// <inheritdoc/>
    public override bool IsLocal => _parts.All(part => part.IsLocal);

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart)
    {
        foreach (var part in _parts) text = part.Normalize(text, ref atStart);
        return text;
    }
}
