namespace Coppice.Text.Normalizers;

/// <summary>A normalizer that is a function and keeps the beginning.</summary>
internal sealed class Rewrite : Normalizer
{
    private readonly Func<string, string> _rewrite;

    public Rewrite(Func<string, string> rewrite) => _rewrite = rewrite;

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart) => _rewrite(text);
}
