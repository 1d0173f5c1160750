namespace Coppice.Text.PreTokenizers;

/// <summary>Puts a space before each piece that does not begin with one.</summary>
internal sealed class SpacePrefix : PreTokenizer
{
    /// <inheritdoc/>
    public override SpaceRule? AtSpace => SpaceRule.Ignores;

    /// <inheritdoc/>
    public override PieceRun NewRun(List<Piece> output) =>
        new(piece => output.Add(piece.Span[0] == ' ' ? piece : Prefixed(piece)), output);

    private static Piece Prefixed(in Piece piece) =>
        piece.Rewritten(string.Concat(" ", piece.Span), piece.IsTraced ? Shifted(piece.Length) : null);

    private static Alignment Shifted(int length)
    {
        var alignment = new Alignment();
        alignment.Add(1, 0, 0);
        for (var i = 0; i < length; i++) alignment.Add(1, i, i + 1);
        return alignment;
    }
}
