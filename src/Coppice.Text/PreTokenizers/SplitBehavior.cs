namespace Coppice.Text.PreTokenizers;

/// <summary>What happens to the matches of a split: "a-b" cut at "-" gives the pieces in brackets.</summary>
internal enum SplitBehavior
{
    /// <summary>They are dropped: [a] [b].</summary>
    Removed,

    /// <summary>Each is a piece: [a] [-] [b].</summary>
    Isolated,

    /// <summary>They end the piece before: [a-] [b].</summary>
    MergedWithPrevious,

    /// <summary>They begin the piece after: [a] [-b].</summary>
    MergedWithNext,

    /// <summary>A run of them is a piece: [a] [-] [b].</summary>
    Contiguous,
}
