
namespace Coppice.Drafting;

/// <summary>A draft model's most probable tokens, as a chain or a tree.</summary>
public sealed record DraftModelOptions : BestFirstOptions
{
    internal const string KindName = "draft-model";

    /// <summary>A chain.</summary>
    public DraftModelOptions() => Branches = 1;

    /// <inheritdoc/>
    public override string Name => KindName;

    internal static DrafterOptions Read(DrafterSettings settings) => ReadTree(settings, new DraftModelOptions());

    private protected override ModelDrafter Create(DraftModel model, DraftContext target) => new DraftModelDrafter(this, model);
}
