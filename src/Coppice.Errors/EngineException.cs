namespace Coppice;

/// <summary>What goes wrong in the engine through a file, a device or a limit rather than through a wrong call.</summary>
public abstract class EngineException : Exception
{
    /// <summary>An error with the text <paramref name="message"/> and, where there is one, its cause.</summary>
    protected EngineException(string message, Exception? inner = null) : base(message, inner) { }
}
