namespace Coppice.Constraints.Languages;

/// <summary>
/// A UTF-8 character of which some bytes are there: the bits so far, and how many bytes are to come. 0 stands for none. As one number,
/// so that it fits into the state of an automaton: bits 0-20 the value, 24-25 bytes to come, 28-30 the length of the whole character.
/// </summary>
internal static class Utf8Part
{
    /// <summary>Takes one byte.</summary>
    /// <param name="part">What is there, or 0.</param>
    /// <param name="next">The byte.</param>
    /// <param name="codePoint">The character where it is complete, else -1.</param>
    /// <returns>The new part (0 where the character is complete), or -1 where the bytes are not UTF-8.</returns>
    public static int Step(int part, byte next, out int codePoint)
    {
        codePoint = -1;
        if (part == 0)
        {
            if (next < 0x80)
            {
                codePoint = next;
                return 0;
            }
            return next switch
            {
                >= 0xC2 and < 0xE0 => Pack(2, 1, next & 0x1F),
                >= 0xE0 and < 0xF0 => Pack(3, 2, next & 0x0F),
                >= 0xF0 and < 0xF5 => Pack(4, 3, next & 0x07),
                _ => -1,
            };
        }
        if ((next & 0xC0) != 0x80) return -1;
        var length = part >> 28;
        var value = ((part & 0x1FFFFF) << 6) | (next & 0x3F);
        var left = ((part >> 24) & 3) - 1;
        var grown = Pack(length, left, value);
        if (!Range(grown, out var low, out _)) return -1;
        if (left > 0) return grown;
        codePoint = low;
        return 0;
    }

    /// <summary>The characters that <paramref name="part"/> may become; false where there is none.</summary>
    public static bool Range(int part, out int low, out int high)
    {
        var (length, left, value) = (part >> 28, (part >> 24) & 3, part & 0x1FFFFF);
        low = value << (6 * left);
        high = low + (1 << (6 * left)) - 1;
        var least = length switch { 2 => 0x80, 3 => 0x800, _ => 0x10000 };
        low = Math.Max(low, least);
        high = Math.Min(high, CharSet.Last);
        if (low >= 0xD800 && high <= 0xDFFF) return false;
        if (high is >= 0xD800 and <= 0xDFFF) high = 0xD7FF;
        if (low is >= 0xD800 and <= 0xDFFF) low = 0xE000;
        return low <= high;
    }

    private static int Pack(int length, int left, int value) => (length << 28) | (left << 24) | value;
}
