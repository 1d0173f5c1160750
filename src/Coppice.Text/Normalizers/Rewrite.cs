namespace Coppice.Text.Normalizers;

/// <summary>A normalizer that is a function and keeps the beginning.</summary>
internal sealed class Rewrite : Normalizer
{
    private readonly Func<string, string> _rewrite;

    public Rewrite(Func<string, string> rewrite, bool isLocal = false) => (_rewrite, IsLocal) = (rewrite, isLocal);

    /// <inheritdoc/>
    public override bool IsLocal { get; }

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart) => _rewrite(text);
}
