using System.Text;

namespace Coppice.Cli;

/// <summary>Reads a text file document by document, so that memory does not grow with the file.</summary>
internal static class DocumentReader
{
    private const int Block = 1 << 16;

    /// <summary>The documents of <paramref name="path"/>: the whole text, or what stands between separators.</summary>
    /// <param name="path">A file, or - for stdin.</param>
    /// <param name="separator">What stands between two documents and belongs to neither; null for one document.</param>
    /// <exception cref="CommandException">The file cannot be read or is not UTF-8.</exception>
    public static IEnumerable<string> Read(string path, string? separator)
    {
        if (separator is null)
        {
            yield return TextFile.Read(path);
            yield break;
        }
        using var reader = new StreamReader(TextFile.Open(path), new UTF8Encoding(false, throwOnInvalidBytes: true));
        var (text, block) = (new StringBuilder(), new char[Block]);
        for (int count; (count = ReadBlock(reader, block, path)) > 0;)
        {
            var before = Math.Max(text.Length - separator.Length + 1, 0);
            text.Append(block, 0, count);
            var whole = text.ToString();
            var start = 0;
            for (int at; (at = whole.IndexOf(separator, Math.Max(before, start), StringComparison.Ordinal)) >= 0; start = at
                + separator.Length)
                yield return whole[start..at];
            text.Remove(0, start);
        }
        if (text.Length > 0) yield return text.ToString();
    }

    private static int ReadBlock(StreamReader reader, char[] block, string path)
    {
        try
        {
            return reader.Read(block);
        }
        catch (Exception error) when (error is DecoderFallbackException or IOException)
        {
            throw new CommandException($"{TextFile.Label(path)}: must be UTF-8 that can be read: {error.Message}", error);
        }
    }
}
