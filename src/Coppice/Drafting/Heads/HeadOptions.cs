using Coppice.Execution;
using Coppice.Models;
using Coppice.Text;

namespace Coppice.Drafting;

/// <summary>A drafter with heads that were trained on the model's hidden states, and grows a tree from what they hold likely.</summary>
/// <remarks>
/// Heads are looked for in the folder "heads/NAME" in the model's folder or beside it, NAME being the drafter's, and then among those that
/// ship with the program.
/// </remarks>
public abstract record HeadOptions : DrafterOptions
{
    private protected HeadOptions() { }

    /// <summary>Folder of the heads' safetensors files; null, the default, to look for them.</summary>
    public string? Heads { get; init; }
    /// <summary>Tokens proposed at most; 1 to 63, 16 by default.</summary>
    public int Nodes { get; init; } = 16;
    /// <summary>Tokens considered after each; 1 to 16, 4 by default.</summary>
    public int Branches { get; init; } = 4;
    /// <summary>Whether the tree is as large as pays by measured times, or always as large as it may be; the former by default.</summary>
    public bool Adaptive { get; init; } = true;
    /// <summary>
    /// Whether heads are kept in 8 bits on the CPU; true by default: what they propose is checked, and half the bytes are read sooner.
    /// </summary>
    public bool Quantized { get; init; } = true;

    internal sealed override bool LoadsModel => true;

    /// <summary>Which heads they must be.</summary>
    private protected abstract HeadKind Kind { get; }

    internal sealed override Drafter Create(DraftContext target)
    {
        var heads = target.OpenHeads(Kind, Name, Heads, Quantized) ?? throw new CheckpointException(
            $"{Path.Combine(target.Folder, "heads", Name)}: draft heads must be there or ship for this model, found none; name a folder by "
            + "heads=DIR.");
        return new HeadDrafter(this, new HeadSource(heads, target.MaxTokens));
    }

    internal override void Validate()
    {
        Require("nodes", Nodes, 1, 63);
        Require("branches", Branches, 1, HeadRunner.MostTop);
    }

    /// <summary>Reads the settings that all of them have.</summary>
    private protected static T ReadHeads<T>(DrafterSettings settings, T options) where T : HeadOptions => options with
    {
        Heads = settings.Text("heads"),
        Nodes = settings.Whole("nodes", options.Nodes),
        Branches = settings.Whole("branches", options.Branches),
        Adaptive = settings.Flag("adaptive", options.Adaptive),
        Quantized = settings.Flag("quantized", options.Quantized),
    };
}
