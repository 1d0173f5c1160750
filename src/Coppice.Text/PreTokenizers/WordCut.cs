namespace Coppice.Text.PreTokenizers;

/// <summary>
/// BERT's texts cut into words before they are normalized: at white space and punctuation of ASCII, and round Chinese characters where
/// these are set apart. Normalizing and cutting the words one by one gives the pieces of the whole text, because each step of BERT's looks
/// at single characters, decomposition only moves marks past marks, and no mark is cut from one before it. So a word that was met before
/// costs a look-up.
/// </summary>
internal sealed class WordCut
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

    /// <summary>The first word at or after <paramref name="at"/>, which moves to its end; empty where there is none.</summary>
    public ReadOnlySpan<char> Next(ReadOnlySpan<char> text, ref int at)
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
