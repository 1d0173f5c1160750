namespace Coppice.Cli;

/// <summary>Files that a command writes.</summary>
internal static class OutputFile
{
    private const int BufferBytes = 1 << 20;

    /// <summary>A new file, or an empty one in place of what is there.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public static FileStream Create(string path)
    {
        if (path.Length == 0)
            throw new CommandException("a file's name must not be empty (was a variable of the shell meant that is not set?).");
        try
        {
            return File.Create(path, BufferBytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CommandException($"{path}: cannot be written: {error.Message}", error);
        }
    }
}
