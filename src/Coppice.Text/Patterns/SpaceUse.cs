namespace Coppice.Text.Patterns;

/// <summary>What the matches of a pattern have to do with spaces.</summary>
internal enum SpaceUse
{
    /// <summary>They hold none, and do not depend on what stands around them.</summary>
    None,

    /// <summary>They hold nothing else, and do not depend on what stands around them.</summary>
    Only,

    /// <summary>Anything else.</summary>
    Some,
}
