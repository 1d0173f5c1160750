namespace Coppice.Text.PreTokenizers;

/// <summary>Where the text of a piece comes from: step by step back to the normalized text of the whole input.</summary>
internal sealed class PieceOrigin
{
    private readonly Alignment? _rewriting;
    private readonly int _offset;
    private readonly PieceOrigin? _before;

    /// <summary>The piece's text is a stretch of the normalized text that begins at <paramref name="offset"/>.</summary>
    public PieceOrigin(int offset) => _offset = offset;

    /// <summary>The piece's text was written by <paramref name="rewriting"/> from the stretch that <paramref name="source"/> was.</summary>
    public PieceOrigin(Alignment rewriting, in Piece source)
    {
        _rewriting = rewriting;
        _offset = source.Start;
        _before = source.Origin;
    }

    /// <summary>The stretch of the normalized text that a stretch of the piece's text comes from.</summary>
    public TokenSpan Before(TokenSpan span)
    {
        var source = (_rewriting?.Before(span) ?? span).Moved(_offset);
        return _before?.Before(source) ?? source;
    }
}
