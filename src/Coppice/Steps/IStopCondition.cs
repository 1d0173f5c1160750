namespace Coppice;

/// <summary>A host's own reason to end a text.</summary>
/// <remarks>One serves one text and is asked after every token; forks go on independently.</remarks>
public interface IStopCondition
{
    /// <summary>Whether the text ends with this token.</summary>
    /// <param name="token">The token that was appended.</param>
    /// <param name="text">What became final with it; may be empty.</param>
    bool EndsWith(in TokenObservation token, string text);

    /// <summary>A condition with the same state that goes on independently.</summary>
    IStopCondition Fork();
}
