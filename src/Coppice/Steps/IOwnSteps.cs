namespace Coppice;

/// <summary>A step model one part of which is the session's own text.</summary>
internal interface IOwnSteps
{
    /// <summary>That part's session.</summary>
    Session? Own { get; }
}
