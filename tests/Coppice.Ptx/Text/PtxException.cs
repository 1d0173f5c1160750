namespace Coppice.Ptx.Text;

/// <summary>The text is not what it must be, or has something that the interpreter does not.</summary>
public sealed class PtxException(string message) : Exception(message);
