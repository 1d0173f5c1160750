namespace Coppice.Text.PreTokenizers;

/// <summary>Puts a space before each piece that does not begin with one.</summary>
internal sealed class SpacePrefix : PreTokenizer
{
    /// <inheritdoc/>
    protected override Action<Piece> NewRun(List<Piece> output) =>
        piece => output.Add(piece.Span[0] == ' ' ? piece : Piece.Whole(string.Concat(" ", piece.Span), piece.AtStart));
}
