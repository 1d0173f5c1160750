namespace Coppice.Text.PreTokenizers;

/// <summary>
/// A stretch of normalized text on its way to the model, or an added token that was found (then <paramref name="Token"/> is its id, else
/// -1). <paramref name="AtStart"/> says that it begins where the whole input begins. <paramref name="Origin"/> is null where the caller
/// does not ask for offsets.
/// </summary>
internal readonly record struct Piece(string Text, int Start, int Length, int Token, bool AtStart, PieceOrigin? Origin = null)
{
    public const int NoToken = -1;

    public bool IsToken => Token != NoToken;

    /// <summary>Whether the caller asks where tokens stand in the input.</summary>
    public bool IsTraced => Origin is not null;

    public ReadOnlySpan<char> Span => Text.AsSpan(Start, Length);

    /// <summary>A piece over a whole text.</summary>
    public static Piece Whole(string text, bool atStart, PieceOrigin? origin = null) => new(text, 0, text.Length, NoToken, atStart, origin);

    /// <summary>The part from <paramref name="from"/> to <paramref name="to"/>, counted from the piece's own start.</summary>
    public Piece Part(int from, int to) => new(Text, Start + from, to - from, NoToken, AtStart && from == 0, Origin);

    /// <summary>The added token <paramref name="token"/> that was found from <paramref name="from"/> to <paramref name="to"/>.</summary>
    public Piece Found(int token, int from, int to) => new(Text, Start + from, to - from, token, AtStart: false, Origin);

    /// <summary>
    /// Another text in place of this piece, with where its characters come from; null where the caller does not ask for offsets.
    /// </summary>
    public Piece Rewritten(string text, Alignment? alignment) =>
        Whole(text, AtStart, alignment is null ? null : new PieceOrigin(alignment, this));

    /// <summary>The stretch of the normalized text of the whole input that a stretch of this piece comes from.</summary>
    public TokenSpan Before(TokenSpan span) => Origin!.Before(span.Moved(Start));
}
