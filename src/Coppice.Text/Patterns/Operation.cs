namespace Coppice.Text.Patterns;

/// <summary>What one step of a compiled pattern does.</summary>
internal enum Operation
{
    /// <summary>Consumes one code point of the set.</summary>
    One,

    /// <summary>Consumes from Least to Most code points of the set.</summary>
    Loop,

    /// <summary>Tries the alternatives of a table in order.</summary>
    Choose,

    /// <summary>Goes on at Target, and at Other if that fails.</summary>
    Split,

    /// <summary>Goes on at Target.</summary>
    Jump,

    /// <summary>Keeps the position in the register Target.</summary>
    Mark,

    /// <summary>Leaves the loop, whose Jump follows, if nothing was consumed since the Mark with the same register.</summary>
    Progress,

    /// <summary>Asks for a place.</summary>
    At,

    /// <summary>Asks whether the next (or the last) code point belongs to the set.</summary>
    LookOne,

    /// <summary>Asks whether the inner program matches from here, or from Least code points before.</summary>
    Look,

    /// <summary>Consumes the first match of the inner program.</summary>
    Atomic,

    /// <summary>The end of the pattern.</summary>
    Match,
}
