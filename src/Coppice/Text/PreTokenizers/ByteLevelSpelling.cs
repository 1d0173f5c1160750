using Coppice.Text.Patterns;
using Coppice.Text.Unicode;

namespace Coppice.Text.PreTokenizers;

/// <summary>Spells pieces in the byte alphabet; used where something other than the model follows.</summary>
internal sealed class ByteLevelSpelling : PreTokenizer
{
    /// <inheritdoc/>
    protected override Action<Piece> NewRun(List<Piece> output) =>
        piece => output.Add(Piece.Whole(ByteAlphabet.Spell(piece.Span), piece.AtStart));
}

/// <summary>Puts a space before each piece that does not begin with one.</summary>
internal sealed class SpacePrefix : PreTokenizer
{
    /// <inheritdoc/>
    protected override Action<Piece> NewRun(List<Piece> output) =>
        piece => output.Add(piece.Span[0] == ' ' ? piece : Piece.Whole(string.Concat(" ", piece.Span), piece.AtStart));
}

/// <summary>The pattern that the ByteLevel pre-tokenizer cuts with.</summary>
internal static class ByteLevelPattern
{
    /// <summary>The regular expression of GPT-2.</summary>
    public const string Expression = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The cut at its matches.</summary>
    public static PatternSplit Split { get; } = new(Pattern.Parse(Expression), SplitBehavior.Isolated, invert: false);
}
