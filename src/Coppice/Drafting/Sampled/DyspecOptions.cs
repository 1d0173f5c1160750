
namespace Coppice.Drafting;

/// <summary>DySpec: a tree whose draws are made by the largest chance of acceptance.</summary>
public sealed record DyspecOptions : SampledDrafterOptions
{
    internal const string KindName = "dyspec";

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>Tokens proposed at most; 1 to 63, 6 by default.</summary>
    public int Nodes { get; init; } = 6;
    /// <summary>
    /// Smallest estimated chance of acceptance of a draw, 0 to 1, which lets the draft run level by level; 0, the default, for the best
    /// draws one by one.
    /// </summary>
    public double Threshold { get; init; }

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new DyspecOptions();
        return ReadDraws(settings, defaults) with
        {
            Nodes = settings.Whole("nodes", defaults.Nodes),
            Threshold = settings.Real("threshold", defaults.Threshold),
        };
    }

    internal override void Validate()
    {
        base.Validate();
        Require("nodes", Nodes, 1, 63);
        Require("threshold", Threshold, 0, 1);
    }

    private protected override ModelDrafter Create(DraftModel model, DraftContext target) => new DyspecDrafter(this, model);
}
