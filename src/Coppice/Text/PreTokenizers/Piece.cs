namespace Coppice.Text.PreTokenizers;

/// <summary>
/// A stretch of normalized text on its way to the model, or an added token that was found (then <paramref name="Token"/> is its id, else
/// -1).
/// <paramref name="AtStart"/> says that it begins where the whole input begins.
/// </summary>
internal readonly record struct Piece(string Text, int Start, int Length, int Token, bool AtStart)
{
    public const int NoToken = -1;

    public bool IsToken => Token != NoToken;

    public ReadOnlySpan<char> Span => Text.AsSpan(Start, Length);

    /// <summary>A piece over a whole text.</summary>
    public static Piece Whole(string text, bool atStart) => new(text, 0, text.Length, NoToken, atStart);

    /// <summary>The part from <paramref name="from"/> to <paramref name="to"/>, counted from the piece's own start.</summary>
    public Piece Part(int from, int to) => new(Text, Start + from, to - from, NoToken, AtStart && from == 0);
}
