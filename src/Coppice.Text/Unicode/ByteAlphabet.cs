using System.Text;

namespace Coppice.Text.Unicode;

/// <summary>
/// The printable stand-ins of bytes in byte-level vocabularies (GPT-2): a byte that is a printable Latin-1 character stands for itself,
/// the other 68 are U+0100 onwards.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Letters = Build();
    private static readonly short[] Bytes = Invert(Letters);

    /// <summary>The stand-in of a byte.</summary>
    public static char Letter(byte value) => Letters[value];

    /// <summary>The byte that <paramref name="letter"/> stands for, or false where it is no stand-in.</summary>
    public static bool TryByte(int letter, out byte value)
    {
        var found = letter < Bytes.Length ? Bytes[letter] : (short)-1;
        value = (byte)found;
        return found >= 0;
    }

    /// <summary>Replaces each UTF-8 byte of the text by its stand-in.</summary>
    public static string Spell(ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        var count = Encoding.UTF8.GetBytes(text, bytes);
        return string.Create(count, bytes, static (letters, source) =>
        {
            for (var i = 0; i < letters.Length; i++) letters[i] = Letters[source[i]];
        });
    }

    private static char[] Build()
    {
        var letters = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;
            letters[value] = (char)(printable ? value : next++);
        }
        return letters;
    }

    private static short[] Invert(char[] letters)
    {
        var bytes = new short[letters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < letters.Length; value++) bytes[letters[value]] = (short)value;
        return bytes;
    }
}
