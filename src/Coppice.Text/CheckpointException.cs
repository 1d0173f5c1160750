namespace Coppice;

/// <summary>
/// A file of a checkpoint is missing, malformed or contradicts another; the message names file, field, found and expected.
/// </summary>
public sealed class CheckpointException : EngineException
{
    /// <summary>An error with the text <paramref name="message"/> and, where there is one, its cause.</summary>
    public CheckpointException(string message, Exception? inner = null) : base(message, inner) { }
}

/// <summary>
/// A checkpoint is well formed but asks for something the engine does not have; the message names key, value and what is supported.
/// </summary>
public sealed class UnsupportedModelException : EngineException
{
    /// <summary>An error with the text <paramref name="message"/> and, where there is one, its cause.</summary>
    public UnsupportedModelException(string message, Exception? inner = null) : base(message, inner) { }
}
