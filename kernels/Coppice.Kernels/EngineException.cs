namespace Coppice;

/// <summary>What goes wrong in the engine through a file, a device or a limit rather than through a wrong call.</summary>
public abstract class EngineException : Exception
{
    /// <summary>An error with the text <paramref name="message"/> and, where there is one, its cause.</summary>
    protected EngineException(string message, Exception? inner = null) : base(message, inner) { }
}

/// <summary>A pool or a device has not the memory that was asked for; the message names the pool, what it holds and what was asked.</summary>
public sealed class DeviceMemoryException : EngineException
{
    /// <summary>An error with the text <paramref name="message"/> and, where there is one, its cause.</summary>
    public DeviceMemoryException(string message, Exception? inner = null) : base(message, inner) { }
}
