namespace Coppice.Text.Patterns;

/// <summary>How a repetition chooses its count.</summary>
internal enum Greed
{
    /// <summary>As many as possible, fewer on return.</summary>
    Greedy,

    /// <summary>As few as possible, more on return.</summary>
    Lazy,

    /// <summary>As many as possible, never fewer.</summary>
    Possessive,
}
