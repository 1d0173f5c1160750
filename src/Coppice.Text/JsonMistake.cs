using System.Text.Json;

namespace Coppice;

/// <summary>Says of a file that is not JSON what is wrong and where, in words for whoever wrote or downloaded it.</summary>
internal static class JsonMistake
{
    /// <summary>
    /// What <paramref name="bytes"/> must be and are not, as the rest of a sentence after the file's name; <paramref name="error"/> is what
    /// the reader of JSON said.
    /// </summary>
    public static string Describe(ReadOnlySpan<byte> bytes, Exception error)
    {
        if (bytes.Trim(" \t\r\n"u8).IsEmpty) return "must be JSON, but it is empty (was the download complete?)";
        if (IsUtf16(bytes)) return "must be UTF-8, found UTF-16 (save it as UTF-8)";
        if (error is not JsonException json) return $"must be JSON: {error.Message.TrimEnd('.')}";
        // The reader's message ends with the place, counted from 0, and with advice to programmers.
        var what = json.Message.Split(" LineNumber: ")[0].Replace(" which is not supported in this mode. Change the reader options.", "",
            StringComparison.Ordinal).TrimEnd('.');
        return $"must be JSON, found a mistake in line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}: {what}";
    }

    /// <summary>Whether <paramref name="bytes"/> begin with the byte order mark of UTF-16.</summary>
    public static bool IsUtf16(ReadOnlySpan<byte> bytes) => bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
}
