namespace Coppice;

/// <summary>What happens to a conversation that leaves no room for an answer in the model's context.</summary>
public enum ContextOverflow
{
    /// <summary>It is refused with <see cref="ContextOverflowException"/>; nothing is left out without the caller's knowledge.</summary>
    Refuse,

    /// <summary>
    /// The oldest turns are left out: a turn is a message of the user with all that follows it up to the next one, so calls stay with their
    /// results. System messages before the first turn and the last turn stay. Where turns must go, as many go as make a quarter of the
    /// context free, so that the next turns find the keys and values of the ones before them. A last turn that does not fit is refused.
    /// </summary>
    DropOldest,
}
