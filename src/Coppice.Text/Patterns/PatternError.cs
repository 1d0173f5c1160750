namespace Coppice.Text.Patterns;

/// <summary>
/// A pattern is malformed or asks for something that is not supported; the file that holds it turns this into its own error.
/// </summary>
internal sealed class PatternError : Exception
{
    public PatternError(string message, bool unsupported = false) : base(message) => Unsupported = unsupported;

    /// <summary>Whether the pattern is well formed but needs something that is not there.</summary>
    public bool Unsupported { get; }
}
