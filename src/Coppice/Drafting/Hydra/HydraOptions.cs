using Coppice.Models;

namespace Coppice.Drafting;

/// <summary>
/// Hydra and Hydra++: a head also reads the tokens that were drafted before its own, so that heads run one after the other; Hydra++ first
/// runs the states of the text through a decoder layer of its own.
/// </summary>
/// <remarks>Which of the two it is follows from the files. Source: Ankner et al., Hydra (2024), sections 3 and 4.</remarks>
public sealed record HydraOptions : HeadOptions
{
    internal const string KindName = "hydra";

    /// <inheritdoc/>
    public override string Name => KindName;

    private protected override HeadKind Kind => HeadKind.Hydra;

    internal static DrafterOptions Read(DrafterSettings settings) => ReadHeads(settings, new HydraOptions());
}
