
namespace Coppice.Drafting;

/// <summary>RASD: continuations found in the text so far and in a datastore, pruned by a draft model and fused with its tree.</summary>
public sealed record RasdOptions : BestFirstOptions
{
    internal const string KindName = "rasd";

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>A file that `coppice datastore build` made for the model; null, the default, for none.</summary>
    public string? File { get; init; }
    /// <summary>
    /// Retrieved tokens proposed at most; 0 to 63, 16 by default, and with <see cref="BestFirstOptions.Nodes"/> at most 90.
    /// </summary>
    public int Retrieved { get; init; } = 16;
    /// <summary>A continuation is kept if its first token is among this many of the draft's best ones; 0 to 16, 10 by default.</summary>
    public int FirstRanks { get; init; } = 10;
    /// <summary>
    /// Whether the draft model's own tree is drawn at random where the text is: not by default, and then text is that of plain decoding for
    /// the same seed.
    /// </summary>
    public bool Sampled { get; init; }

    internal override bool DrawsProposals => Sampled;

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new RasdOptions();
        return ReadTree(settings, defaults) with
        {
            File = settings.Text("file"),
            Retrieved = settings.Whole("retrieved", defaults.Retrieved),
            FirstRanks = settings.Whole("first-ranks", defaults.FirstRanks),
            Sampled = settings.Flag("sampled", defaults.Sampled),
        };
    }

    internal override void Validate()
    {
        base.Validate();
        Require("retrieved", Retrieved, 0, 63);
        Require("nodes + retrieved", Nodes + Retrieved, 1, 90);
        Require("first-ranks", FirstRanks, 0, 16);
    }

    private protected override ModelDrafter Create(DraftModel model, DraftContext target) =>
        new RasdDrafter(this, model, target.MaxTokens, SuffixOptions.OpenStore(File, target));
}
