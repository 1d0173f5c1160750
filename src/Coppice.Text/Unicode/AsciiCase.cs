namespace Coppice.Text.Unicode;

/// <summary>Case of the letters A to Z alone, for what is written in ASCII: names in files, digits of numbers.</summary>
internal static class AsciiCase
{
    public static char ToLower(char letter) => char.IsAsciiLetterUpper(letter) ? (char)(letter | 0x20) : letter;

    public static char ToUpper(char letter) => char.IsAsciiLetterLower(letter) ? (char)(letter & ~0x20) : letter;

    public static string ToLower(string text) => string.Create(text.Length, text, static (letters, source) =>
    {
        for (var i = 0; i < letters.Length; i++) letters[i] = ToLower(source[i]);
    });

    public static string ToUpper(string text) => string.Create(text.Length, text, static (letters, source) =>
    {
        for (var i = 0; i < letters.Length; i++) letters[i] = ToUpper(source[i]);
    });
}
