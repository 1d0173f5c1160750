
namespace Coppice.Drafting;

/// <summary>Which tree Token Recycling proposes.</summary>
public enum RecyclingTree
{
    /// <summary>The likeliest nodes by what ranks were worth so far.</summary>
    BestFirst,
    /// <summary>The published tree of 81 nodes, made for GPUs.</summary>
    Template,
}

/// <summary>Which rows Token Recycling learns from.</summary>
public enum RecyclingUpdate
{
    /// <summary>Those of all nodes, accepted or not.</summary>
    Every,
    /// <summary>Those that were computed to verify: the head runs on fewer rows.</summary>
    Visited,
}

/// <summary>Token Recycling: what the model held likely after each token when it last saw it.</summary>
public sealed record TokenRecyclingOptions : DrafterOptions
{
    internal const string KindName = "token-recycling";

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>The tree; best first by default.</summary>
    public RecyclingTree Tree { get; init; }
    /// <summary>Nodes of a best-first tree at most, the last token counted; 8 by default.</summary>
    public int Nodes { get; init; } = 8;
    /// <summary>Tokens remembered for each token; 8 by default.</summary>
    public int Width { get; init; } = 8;
    /// <summary>What it learns from; every row by default.</summary>
    public RecyclingUpdate Update { get; init; }
    /// <summary>Whether it learns from the prompt what follows what; so by default.</summary>
    public bool Prompt { get; init; } = true;
    /// <summary>Whether what was learned stays for the next text; so by default.</summary>
    public bool Hot { get; init; } = true;

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new TokenRecyclingOptions();
        return new TokenRecyclingOptions
        {
            Tree = settings.OneOf("tree", defaults.Tree),
            Nodes = settings.Whole("nodes", defaults.Nodes),
            Width = settings.Whole("width", defaults.Width),
            Update = settings.OneOf("update", defaults.Update),
            Prompt = settings.Flag("prompt", defaults.Prompt),
            Hot = settings.Flag("hot", defaults.Hot),
        };
    }

    internal override void Validate()
    {
        Require("nodes", Nodes, 1, 96);
        Require("width", Width, 1, 16);
    }

    internal override Drafter Create(DraftContext target)
    {
        var tables = Hot ? target.Tables.Get(Width, NewTables) : NewTables();
        return new TokenRecyclingDrafter(this, tables);

        RecyclingTables NewTables() => new(target.VocabularySize, Width);
    }
}
