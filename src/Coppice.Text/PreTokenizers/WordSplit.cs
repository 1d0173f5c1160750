using Coppice.Text.Unicode;

namespace Coppice.Text.PreTokenizers;

/// <summary>
/// The Whitespace pre-tokenizer: runs of word characters and runs of other visible characters are pieces, white space is dropped.
/// </summary>
internal sealed class WordSplit : PreTokenizer
{
    private enum Kind
    {
        Space,
        Word,
        Other,
    }

    /// <inheritdoc/>
    public override SpaceRule? AtSpace => SpaceRule.Cuts;

    /// <inheritdoc/>
    public override PieceRun NewRun(List<Piece> output) => new(piece =>
    {
        var text = piece.Span;
        var (start, current) = (0, Kind.Space);
        for (int i = 0, length; i < text.Length; i += length)
        {
            var kind = KindOf(CodePoints.At(text, i, out length));
            if (kind == current) continue;
            if (current != Kind.Space) output.Add(piece.Part(start, i));
            (start, current) = (i, kind);
        }
        if (current != Kind.Space) output.Add(piece.Part(start, text.Length));
    }, output);

    private static Kind KindOf(int letter)
    {
        if (CodePoints.IsWhiteSpace(letter)) return Kind.Space;
        return CodePoints.IsWord(letter) ? Kind.Word : Kind.Other;
    }
}
