using Coppice.Drafting.Datastores;

namespace Coppice.Drafting;

/// <summary>Retrieval: what followed the end of the text where it occurred in a datastore, or earlier in the session.</summary>
public sealed record SuffixOptions : DrafterOptions
{
    internal const string KindName = "suffix";

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>A file that `coppice datastore build` made for the model; null, the default, for none.</summary>
    public string? File { get; init; }
    /// <summary>Nodes of a tree at most, the last token counted; 8 by default.</summary>
    public int Nodes { get; init; } = 8;
    /// <summary>Longest match that is looked for; 16 by default.</summary>
    public int MaxMatch { get; init; } = 16;
    /// <summary>Shortest match that counts; 1 by default.</summary>
    public int MinMatch { get; init; } = 1;
    /// <summary>
    /// Tokens of earlier texts that are kept. By default 262,144 of all sessions of a <see cref="CacheScope"/> together; with another
    /// number a session keeps texts of its own.
    /// </summary>
    public int HistoryTokens { get; init; } = AutoDrafterOptions.SharedHistory;
    /// <summary>Whether earlier texts count too, or the current one alone; true by default.</summary>
    public bool Hot { get; init; } = true;

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new SuffixOptions();
        return new SuffixOptions
        {
            File = settings.Text("file"),
            Nodes = settings.Whole("nodes", defaults.Nodes),
            MaxMatch = settings.Whole("max-match", defaults.MaxMatch),
            MinMatch = settings.Whole("min-match", defaults.MinMatch),
            HistoryTokens = settings.Whole("history", defaults.HistoryTokens),
            Hot = settings.Flag("hot", defaults.Hot),
        };
    }

    internal override void Validate()
    {
        Require("nodes", Nodes, 1, 96);
        Require("max-match", MaxMatch, 1, SuffixDatastore.SortedTokens);
        Require("min-match", MinMatch, 1, MaxMatch);
        Require("history", HistoryTokens, 0, 1 << 26);
    }

    internal override Drafter Create(DraftContext target)
    {
        var index = SuffixIndex.For(target.Tables, Hot ? HistoryTokens : 0, shared: HistoryTokens == AutoDrafterOptions.SharedHistory);
        return new SuffixDrafter(this, target.MaxTokens, index, OpenStore(File, target));
    }

    /// <summary>The datastore in <paramref name="file"/>, if one is named.</summary>
    internal static SuffixDatastore? OpenStore(string? file, DraftContext target) =>
        file is null ? null : SuffixDatastore.Open(file, target.TokenizerFingerprint, target.VocabularySize);
}
