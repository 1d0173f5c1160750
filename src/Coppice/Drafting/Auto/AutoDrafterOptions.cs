using Coppice.Execution;
using Coppice.Models;

namespace Coppice.Drafting;

/// <summary>
/// Matches in the past and recycled choices of the model in one tree, whose size follows what passes cost and what is accepted: right for
/// every text.
/// </summary>
public sealed record AutoDrafterOptions : DrafterOptions
{
    internal const string KindName = "auto";

    /// <summary>Tokens of earlier texts that the sessions of a scope share.</summary>
    internal const int SharedHistory = 1 << 18;

    private const int SharedBits = 16;
    private const string NoHeads = "none";

    /// <summary>The defaults for a model that has no heads.</summary>
    internal static AutoDrafterOptions WithoutHeads { get; } = new() { Heads = NoHeads };

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>Nodes of a tree at most, the last token counted; 1 to 96, 32 by default.</summary>
    public int MaxNodes { get; init; } = 32;
    /// <summary>
    /// Tokens of earlier texts that are kept, 0 to 67,108,864. By default 262,144 of all sessions of a <see cref="CacheScope"/> together;
    /// with another number a session keeps texts and statistics of its own.
    /// </summary>
    public int HistoryTokens { get; init; } = SharedHistory;
    /// <summary>
    /// Whether earlier texts and what was learned from them are used; true by default. If not, each text starts from nothing and leaves
    /// nothing.
    /// </summary>
    public bool Hot { get; init; } = true;

    /// <summary>
    /// Folder of draft heads for the model; null, the default, to look for Hydra's and then Medusa's as the drafters of these names do,
    /// where those that are for another model are passed over; "none" to do without.
    /// </summary>
    public string? Heads { get; init; }

    internal override bool LoadsModel => Heads != NoHeads;

    /// <summary>2 to this power: contexts that are remembered.</summary>
    internal int RowBits { get; init; } = SharedBits;

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new AutoDrafterOptions();
        return new AutoDrafterOptions
        {
            MaxNodes = settings.Whole("nodes", defaults.MaxNodes),
            HistoryTokens = settings.Whole("history", defaults.HistoryTokens),
            Hot = settings.Flag("hot", defaults.Hot),
            Heads = settings.Text("heads"),
        };
    }

    internal override void Validate()
    {
        Require("nodes", MaxNodes, 1, 96);
        Require("history", HistoryTokens, 0, 1 << 26);
    }

    internal override Drafter Create(DraftContext target)
    {
        var shared = Hot && HistoryTokens == SharedHistory && RowBits == SharedBits;
        var tables = shared ? target.Tables.Get(null, () => new AutoTables(SharedBits)) : new AutoTables(RowBits);
        var heads = FindHeads(target);
        return new AutoDrafter(
            this, target.MaxTokens, tables, SuffixIndex.For(target.Tables, Hot ? HistoryTokens : 0, shared),
            heads is null ? null : new HeadSource(heads, target.MaxTokens));
    }

    private DraftHeads? FindHeads(DraftContext target) => Heads switch
    {
        NoHeads => null,
        null => target.FindHeads(HeadKind.Hydra, HydraOptions.KindName) ?? target.FindHeads(HeadKind.Medusa, MedusaOptions.KindName),
        _ => target.OpenHeads(kind: null, KindName, Heads, quantized: true),
    };
}
