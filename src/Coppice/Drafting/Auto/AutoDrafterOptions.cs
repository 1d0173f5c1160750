
namespace Coppice.Drafting;

/// <summary>Matches in the past and recycled choices of the model in one tree, whose size follows what passes cost and what is accepted: right for every text.</summary>
public sealed record AutoDrafterOptions : DrafterOptions
{
    internal const string KindName = "auto";

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>Nodes of a tree at most, the last token counted; 32 by default.</summary>
    public int MaxNodes { get; init; } = 32;
    /// <summary>Tokens of past texts that are kept, the current one counted; 65,536 by default.</summary>
    public int HistoryTokens { get; init; } = 1 << 16;
    /// <summary>Whether what was learned stays for the next text; so by default.</summary>
    public bool Hot { get; init; } = true;

    /// <summary>2 to this power: contexts that are remembered.</summary>
    internal int RowBits { get; init; } = 16;

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new AutoDrafterOptions();
        return new AutoDrafterOptions
        {
            MaxNodes = settings.Whole("nodes", defaults.MaxNodes),
            HistoryTokens = settings.Whole("history", defaults.HistoryTokens),
            Hot = settings.Flag("hot", defaults.Hot),
        };
    }

    internal override void Validate()
    {
        Require("nodes", MaxNodes, 1, 96);
        Require("history", HistoryTokens, 0, 1 << 26);
    }

    internal override Drafter Create(DraftContext target) => new AutoDrafter(this, target.MaxTokens);
}
