using Coppice.Text.Unicode;

namespace Coppice.Text.PreTokenizers;

/// <summary>Cuts into pieces of a fixed number of characters.</summary>
internal sealed class FixedLength : PreTokenizer
{
    private readonly int _length;

    public FixedLength(int length) => _length = length;

    /// <inheritdoc/>
    public override PieceRun NewRun(List<Piece> output) => new(piece =>
    {
        var text = piece.Span;
        var (start, count) = (0, 0);
        for (int i = 0, length; i < text.Length; i += length)
        {
            if (count == _length)
            {
                output.Add(piece.Part(start, i));
                (start, count) = (i, 0);
            }
            CodePoints.At(text, i, out length);
            count++;
        }
        output.Add(piece.Part(start, text.Length));
    }, output);
}
