namespace Coppice;

/// <summary>
/// A file is no saved session that this model can go on with: damaged, or of another model, format or version. The message says which.
/// </summary>
public sealed class SessionFileException : EngineException
{
    /// <summary>An error with the text <paramref name="message"/> and, where there is one, its cause.</summary>
    public SessionFileException(string message, Exception? inner = null) : base(message, inner) { }
}
