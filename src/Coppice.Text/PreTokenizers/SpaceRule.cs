namespace Coppice.Text.PreTokenizers;

/// <summary>What a pre-tokenizer does before a single space between two visible characters.</summary>
internal enum SpaceRule
{
    /// <summary>It cuts there, and the pieces on both sides are those that each side alone would give.</summary>
    Cuts,

    /// <summary>It cuts at other places, which do not depend on what stands beyond the space.</summary>
    Ignores,
}
