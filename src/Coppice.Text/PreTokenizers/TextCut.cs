namespace Coppice.Text.PreTokenizers;

/// <summary>
/// Cuts a text before it is normalized, where normalizing and cutting the parts one by one gives the pieces of the whole text: so a part
/// that was met before costs a look-up.
/// </summary>
internal abstract class TextCut
{
    /// <summary>Whether the first part of a text is cut as it is only there, so that it is not to be remembered.</summary>
    public abstract bool FirstDiffers { get; }

    /// <summary>
    /// Whether the added token, which is looked for in the normalized text, lies within one part wherever it stands, and is found there as
    /// in the whole text.
    /// </summary>
    public abstract bool Keeps(AddedToken token);

    /// <summary>The first part at or after <paramref name="at"/>, which moves to its end; empty where there is none.</summary>
    public abstract ReadOnlySpan<char> Next(ReadOnlySpan<char> text, ref int at);
}
