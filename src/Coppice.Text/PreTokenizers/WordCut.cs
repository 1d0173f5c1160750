namespace Coppice.Text.PreTokenizers;

/// <summary>
/// BERT's texts cut into words before they are normalized: at white space and punctuation of ASCII, and round Chinese characters where
/// these are set apart. Normalizing and cutting the words one by one gives the pieces of the whole text, because each step of BERT's looks
/// at single characters, decomposition only moves marks past marks, and no mark is cut from one before it.
/// </summary>
internal sealed class WordCut : TextCut
{
    private const int Ascii = 128;

    private readonly Kind[] _kinds = new Kind[Ascii];
    private readonly bool _chinese;

    private enum Kind : byte
    {
        Part,
        Space,
        Alone,
    }

    /// <summary>A cut; <paramref name="chinese"/> says whether Chinese characters are words.</summary>
    public WordCut(bool chinese)
    {
        _chinese = chinese;
        foreach (var space in "\t\n\r ") _kinds[space] = Kind.Space;
        for (var letter = 0; letter < Ascii; letter++)
            if (Unicode.OlderCategories.IsPunctuation(letter)) _kinds[letter] = Kind.Alone;
    }

    /// <inheritdoc/>
    public override bool FirstDiffers => false;

    /// <inheritdoc/>
    public override bool Keeps(AddedToken token)
    {
        var at = 0;
        // At a word's end may stand a letter in the sense of a token that must stand alone: the underscore.
        return !token.StripsLeft && !token.StripsRight && !token.SingleWord && Next(token.Form, ref at).Length == token.Form.Length;
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Next(ReadOnlySpan<char> text, ref int at)
    {
        while (at < text.Length && KindOf(text[at]) == Kind.Space) at++;
        var start = at;
        if (at < text.Length && KindOf(text[at++]) == Kind.Part)
            while (at < text.Length && KindOf(text[at]) == Kind.Part) at++;
        return text[start..at];
    }

    private Kind KindOf(char letter)
    {
        if (letter < Ascii) return _kinds[letter];
        return _chinese && letter is >= '\u4E00' and <= '\u9FFF' or >= '\u3400' and <= '\u4DBF' ? Kind.Alone : Kind.Part;
    }
}
