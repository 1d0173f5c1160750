using System.Text;

namespace Coppice.Cli;

/// <summary>Reads a text file document by document, so that memory does not grow with the file.</summary>
internal static class DocumentReader
{
    private const int Block = 1 << 16;

    /// <summary>The documents of <paramref name="files"/>, then those of a file with one in each line.</summary>
    /// <param name="files">Plain text; null for none.</param>
    /// <param name="lines">Lines with a "text" each, or - for stdin; null for none.</param>
    /// <param name="separator">What stands between two documents of a file of plain text; null where each file is one.</param>
    /// <exception cref="CommandException">A file cannot be read, is not UTF-8, or a line has no text.</exception>
    public static IEnumerable<string> Read(IEnumerable<string>? files, string? lines, string? separator = null)
    {
        foreach (var path in files ?? [])
        {
            foreach (var document in Read(path, separator)) yield return document;
        }
        if (lines is null) yield break;
        foreach (var line in JsonLines.Read(lines)) yield return line.Text("text") ?? throw line.Wrong("must have a \"text\", found none.");
    }

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
