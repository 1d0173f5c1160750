namespace Coppice.Text.PreTokenizers;

/// <summary>Cuts pieces into smaller ones, and may rewrite them; added tokens pass through.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Appends to <paramref name="output"/> what becomes of <paramref name="input"/>.</summary>
    public void Apply(List<Piece> input, List<Piece> output)
    {
        var run = NewRun(output);
        foreach (var piece in input)
        {
            if (piece.IsToken) output.Add(piece);
            else run(piece);
        }
    }

    /// <summary>
    /// What it does before a single space between two visible characters: cuts there, whatever stands around; leaves that place to others;
    /// or null where neither is known.
    /// </summary>
    public virtual SpaceRule? AtSpace => null;

    /// <summary>Whether it writes other characters for those of the text, so that one after it does not see spaces.</summary>
    public virtual bool Rewrites => false;

    /// <summary>What is done with each piece; working memory that one call keeps is captured by the result.</summary>
    protected abstract Action<Piece> NewRun(List<Piece> output);
}
