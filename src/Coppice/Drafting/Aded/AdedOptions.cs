using Coppice.Drafting.Datastores;

namespace Coppice.Drafting;

/// <summary>What ADED's search takes for the worth of a path.</summary>
public enum AdedReward
{
    /// <summary>1 and the sum of the weights along it, as the paper means it.</summary>
    Intended,
    /// <summary>1 always, as the released code computes it.</summary>
    AsReleased,
}

/// <summary>ADED: a tree search over which tokens followed two tokens, in a corpus and in the text so far.</summary>
public sealed record AdedOptions : DrafterOptions
{
    internal const string KindName = "aded";

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>A file that `coppice datastore build --kind aded` made for the model; null, the default, for none.</summary>
    public string? File { get; init; }
    /// <summary>Nodes of a tree at most, the last token counted; 1 to 65, 8 by default, published with 65.</summary>
    public int Nodes { get; init; } = 8;
    /// <summary>Iterations of the search; 1 to 1,000, 150 by default.</summary>
    public int Iterations { get; init; } = 150;
    /// <summary>The worth of a path; as intended by default.</summary>
    public AdedReward Reward { get; init; }
    /// <summary>
    /// Whether an occurrence counts once, or with every draft while it is among the last 16 tokens; the latter by default.
    /// </summary>
    public bool CountOnce { get; init; }
    /// <summary>Whether it learns from the prompt; so by default.</summary>
    public bool Prompt { get; init; } = true;
    /// <summary>Whether what was learned stays for the next text; so by default.</summary>
    public bool Hot { get; init; } = true;

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new AdedOptions();
        return new AdedOptions
        {
            File = settings.Text("file"),
            Nodes = settings.Whole("nodes", defaults.Nodes),
            Iterations = settings.Whole("iterations", defaults.Iterations),
            Reward = settings.OneOf("reward", defaults.Reward),
            CountOnce = settings.Flag("count-once", defaults.CountOnce),
            Prompt = settings.Flag("prompt", defaults.Prompt),
            Hot = settings.Flag("hot", defaults.Hot),
        };
    }

    internal override void Validate()
    {
        Require("nodes", Nodes, 1, 65);
        Require("iterations", Iterations, 1, 1000);
    }

    internal override Drafter Create(DraftContext target)
    {
        var store = File is null ? null : TrigramStore.Open(File, target.TokenizerFingerprint, target.VocabularySize);
        // A table over a file begins with what is in the file, which is closed with its drafter.
        var shared = Hot && store is null;
        var table = shared ? target.Tables.Get(null, () => new TrigramTable(TableBits, null)) : new TrigramTable(TableBits, store);
        return new AdedDrafter(this, table, store);
    }

    private const int TableBits = 15;
}
