using Coppice.Models;

namespace Coppice.Drafting;

/// <summary>
/// Medusa: each head says a token further ahead from the state of the last one alone, so that all heads run at once and the tokens of a
/// depth are the same after every node.
/// </summary>
/// <remarks>Source: Cai et al., Medusa (2024), section 2.1.</remarks>
public sealed record MedusaOptions : HeadOptions
{
    internal const string KindName = "medusa";

    /// <inheritdoc/>
    public override string Name => KindName;

    private protected override HeadKind Kind => HeadKind.Medusa;

    internal static DrafterOptions Read(DrafterSettings settings) => ReadHeads(settings, new MedusaOptions());
}
