using Coppice.Text.Unicode;

namespace Coppice.Text.PreTokenizers;

/// <summary>Spells pieces in the byte alphabet; used where something other than the model follows.</summary>
internal sealed class ByteLevelSpelling : PreTokenizer
{
    /// <inheritdoc/>
    public override SpaceRule? AtSpace => SpaceRule.Ignores;

    /// <inheritdoc/>
    public override bool Rewrites => true;

    /// <inheritdoc/>
    public override PieceRun NewRun(List<Piece> output) =>
        new(piece => output.Add(piece.Rewritten(ByteAlphabet.Spell(piece.Span), piece.IsTraced ? Alignment.OfBytes(piece.Span) : null)),
            output);
}
