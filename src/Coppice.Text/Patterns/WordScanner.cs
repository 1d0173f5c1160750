using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>
/// Two expressions that most byte-level tokenizers cut with, written out: that of GPT-2 and that of cl100k with single digits or up to
/// three. They match at every place, so that a text is a row of their matches; the matcher for any pattern finds the same ones in several
/// times the time.
/// </summary>
internal sealed class WordScanner
{
    /// <summary>The regular expression of GPT-2.</summary>
    public const string Plain = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string BeforeDigits = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}";
    private const string AfterDigits = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly byte[]?[] Pages = new byte[]?[0x110000 >> 8];

    private readonly bool _isPlain;
    private readonly int _mostDigits;

    private WordScanner(bool isPlain, int mostDigits) => (_isPlain, _mostDigits) = (isPlain, mostDigits);

    private enum Kind : byte
    {
        Letter,
        Number,
        Space,
        LineEnd,
        Other,
    }

    /// <summary>The scanner for an expression, or null where it is another one.</summary>
    public static WordScanner? Of(string expression) => expression switch
    {
        Plain => new WordScanner(isPlain: true, int.MaxValue),
        BeforeDigits + AfterDigits => new WordScanner(isPlain: false, 1),
        BeforeDigits + "{1,3}" + AfterDigits => new WordScanner(isPlain: false, 3),
        _ => null,
    };

    /// <summary>The end of the match at <paramref name="start"/>, where the text has not ended.</summary>
    public int End(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text, start) is var contraction and > 0) return start + contraction;
        var kind = KindAt(text, start, out var length);
        var next = start + length;
        var nextKind = next < text.Length ? KindAt(text, next, out length) : Kind.Space;
        switch (kind)
        {
            case Kind.Letter:
                return Run(text, next, Kind.Letter);
            case Kind.Number:
                return Run(text, next, Kind.Number, _mostDigits - 1);
            case Kind.Other:
                if (!_isPlain && nextKind == Kind.Letter) return Run(text, next, Kind.Letter);
                return Others(text, next);
            case Kind.Space:
                if (nextKind == Kind.Letter && (!_isPlain || text[start] == ' ')) return Run(text, next, Kind.Letter);
                if (text[start] != ' ') break;
                if (nextKind == Kind.Number && _isPlain) return Run(text, next, Kind.Number);
                if (nextKind == Kind.Other) return Others(text, next);
                break;
        }
        return Spaces(text, start, next);
    }

    private int Contraction(ReadOnlySpan<char> text, int start)
    {
        var rest = text[(start + 1)..];
        if (rest.IsEmpty) return 0;
        var first = Fold(rest[0]);
        if (first is 's' or 't' or 'm' or 'd') return 2;
        if (rest.Length < 2) return 0;
        var second = Fold(rest[1]);
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    // The long s is a variant of s, and no other letter beyond ASCII is one of these.
    private char Fold(char letter)
    {
        if (_isPlain) return letter;
        return letter is >= 'A' and <= 'Z' ? (char)(letter | 0x20) : letter == '\u017F' ? 's' : letter;
    }

    // What is neither space, letter nor number, and where the expression says so the line ends after it.
    private int Others(ReadOnlySpan<char> text, int at)
    {
        at = Run(text, at, Kind.Other);
        if (!_isPlain)
            while (at < text.Length && text[at] is '\r' or '\n') at++;
        return at;
    }

    // A run of spaces ends after its last line end, or leaves its last space to what follows.
    private int Spaces(ReadOnlySpan<char> text, int start, int at)
    {
        while (at < text.Length && KindAt(text, at, out _) is Kind.Space or Kind.LineEnd) at++;
        if (!_isPlain && text[start..at].LastIndexOfAny('\r', '\n') is var last and >= 0) return start + last + 1;
        return at == text.Length || at == start + 1 ? at : at - 1;
    }

    private static int Run(ReadOnlySpan<char> text, int at, Kind kind, int most = int.MaxValue)
    {
        for (; most > 0 && at < text.Length; most--)
        {
            if (KindAt(text, at, out var length) != kind) break;
            at += length;
        }
        return at;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int at, out int length)
    {
        var letter = CodePoints.At(text, at, out length);
        return (Kind)(Pages[letter >> 8] ?? Compute(letter >> 8))[letter & 0xFF];
    }

    // A page may be computed by two threads; both write the same.
    private static byte[] Compute(int number)
    {
        var page = new byte[256];
        for (var i = 0; i < page.Length; i++) page[i] = (byte)KindOf(number << 8 | i);
        return Pages[number] = page;
    }

    private static Kind KindOf(int letter)
    {
        if (letter is '\r' or '\n') return Kind.LineEnd;
        if (CharacterSet.Space.Contains(letter)) return Kind.Space;
        var category = CodePoints.CategoryBit(letter);
        if ((category & Categories.Letter) != 0) return Kind.Letter;
        return (category & Categories.Number) != 0 ? Kind.Number : Kind.Other;
    }
}
