namespace Coppice;

/// <summary>
/// A pool or a device does not have the memory that was asked for; the message names the pool, what it holds and what was asked.
/// </summary>
public sealed class DeviceMemoryException : EngineException
{
    /// <summary>An error with the text <paramref name="message"/> and, where there is one, its cause.</summary>
    public DeviceMemoryException(string message, Exception? inner = null) : base(message, inner) { }
}
