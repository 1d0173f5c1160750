namespace Coppice.Constraints;

/// <summary>
/// A schema, grammar, regex or list that cannot be compiled. The message names the place, what must hold and what was found.
/// </summary>
public sealed class ConstraintException : Exception
{
    /// <summary>An error with <paramref name="message"/>.</summary>
    public ConstraintException(string message) : base(message)
    {
    }

    /// <summary>An error with <paramref name="message"/> that <paramref name="inner"/> has caused.</summary>
    public ConstraintException(string message, Exception inner) : base(message, inner)
    {
    }
}
