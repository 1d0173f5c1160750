namespace Coppice;

/// <summary>A model has as many requests as it takes: those that run and those that wait for a place.</summary>
public sealed class ModelBusyException : InvalidOperationException
{
    /// <summary>An exception without a message.</summary>
    public ModelBusyException() { }
    /// <summary>An exception that says what is busy, how much of it, and what helps.</summary>
    public ModelBusyException(string message) : base(message) { }
    /// <summary>The same with a cause.</summary>
    public ModelBusyException(string message, Exception innerException) : base(message, innerException) { }
}
