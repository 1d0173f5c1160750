namespace Coppice.Text.PreTokenizers;

/// <summary>Cuts pieces into smaller ones, and may rewrite them; added tokens pass through.</summary>
internal abstract class PreTokenizer
{
    /// <summary>
    /// What it does before a single space between two visible characters: cuts there, whatever stands around; leaves that place to others;
    /// or null where neither is known.
    /// </summary>
    public virtual SpaceRule? AtSpace => null;

    /// <summary>Whether it writes other characters for those of the text, so that one after it does not see spaces.</summary>
    public virtual bool Rewrites => false;

    /// <summary>
    /// What is done with each piece, which is no added token: what becomes of it goes to <paramref name="output"/>. Working memory is
    /// captured by the result, which is used for one text after another.
    /// </summary>
    public abstract PieceRun NewRun(List<Piece> output);
}
