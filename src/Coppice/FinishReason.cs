namespace Coppice;

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>The text has the number of tokens that was asked for, or that fits the session.</summary>
    Length,
    /// <summary>A stop string.</summary>
    Stop,
    /// <summary>A token that ends the text.</summary>
    Eos,
    /// <summary>The caller cancelled or went away, or the session or the model was disposed.</summary>
    Cancelled,
    /// <summary>The model was busy, or the drafter, a pass or the choice of a token failed; the exception says why.</summary>
    Error,
}
