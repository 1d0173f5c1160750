namespace Coppice.Text.Normalizers;

/// <summary>Rewrites text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    /// <summary>
    /// The rewritten text; the same instance where nothing changes. <paramref name="atStart"/> says whether the text begins where the whole
    /// input begins, and becomes false if its beginning is dropped.
    /// </summary>
    public abstract string Normalize(string text, ref bool atStart);

    /// <summary>
    /// Whether a text that is cut before a single space, between two characters that are no marks, can be rewritten part by part:
    /// what comes of the parts, joined, is what comes of the whole (<see cref="PreTokenizers.SpaceCut"/>).
    /// </summary>
    public virtual bool IsLocal => false;

    /// <summary>The rewritten text.</summary>
    public string Normalize(string text)
    {
        var atStart = true;
        return Normalize(text, ref atStart);
    }
}
