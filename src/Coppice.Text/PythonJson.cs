namespace Coppice;

/// <summary>JSON as Python's <c>json</c> module writes and reads it: with bare NaN, Infinity and -Infinity among the values.</summary>
internal static class PythonJson
{
    private static readonly byte[][] Constants = ["-Infinity"u8.ToArray(), "Infinity"u8.ToArray(), "NaN"u8.ToArray()];

    /// <summary>
    /// <paramref name="utf8"/> with these constants as strings, so that a key that nobody reads does no harm and one that must be a number
    /// is refused by name; the same memory where there are none.
    /// </summary>
    /// <remarks>Time: one pass over the bytes. Whatever else is not JSON stays as it is.</remarks>
    public static ReadOnlyMemory<byte> WithoutConstants(ReadOnlyMemory<byte> utf8)
    {
        var source = utf8.Span;
        List<byte>? changed = null;
        var copied = 0;
        var inString = false;
        for (var i = 0; i < source.Length; i++)
        {
            if (inString)
            {
                if (source[i] == '\\') i++;
                else if (source[i] == '"') inString = false;
            }
            else if (source[i] == '"') inString = true;
            else if (ConstantAt(source[i..]) is { } length)
            {
                changed ??= new List<byte>(source.Length + 16);
                changed.AddRange(source[copied..i]);
                changed.Add((byte)'"');
                changed.AddRange(source.Slice(i, length));
                changed.Add((byte)'"');
                copied = i + length;
                i = copied - 1;
            }
        }
        if (changed is null) return utf8;
        changed.AddRange(source[copied..]);
        return changed.ToArray();
    }

    private static int? ConstantAt(ReadOnlySpan<byte> rest)
    {
        foreach (var constant in Constants)
        {
            if (rest.StartsWith(constant) && (rest.Length == constant.Length || !char.IsAsciiLetterOrDigit((char)rest[constant.Length])))
                return constant.Length;
        }
        return null;
    }
}
