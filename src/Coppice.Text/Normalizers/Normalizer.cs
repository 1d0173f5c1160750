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
