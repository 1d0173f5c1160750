using Coppice.Loading;

namespace Coppice.Drafting;

/// <summary>A drafter that asks a smaller model of the same tokenizer.</summary>
public abstract record ModelDrafterOptions : DrafterOptions
{
    private const string Beside = "draft";

    private protected ModelDrafterOptions() { }

    /// <summary>Folder of the draft model; null, the default, for the folder "draft" beside the model's own.</summary>
    public string? Model { get; init; }

    /// <summary>
    /// Whether the draft model is kept in 8 bits on the CPU, where the target is kept as stored; true by default: what it proposes is
    /// checked, and half the bytes are read sooner.
    /// </summary>
    public bool Quantized { get; init; } = true;

    /// <summary>Reads the settings that all of them have.</summary>
    private protected static T ReadModel<T>(DrafterSettings settings, T options) where T : ModelDrafterOptions => options with
    {
        Model = settings.Text("model"),
        Quantized = settings.Flag("quantized", options.Quantized),
    };

    /// <summary>Most probable tokens that are kept of a draft distribution.</summary>
    private protected abstract int KeptTokens { get; }

    internal sealed override bool LoadsModel => true;

    internal sealed override Drafter Create(DraftContext target)
    {
        var own = Path.GetFullPath(target.Folder).TrimEnd(Path.DirectorySeparatorChar);
        var folder = Model ?? Path.Combine(Path.GetDirectoryName(own) ?? "", Beside);
        if (Model is null && !Directory.Exists(folder))
            throw new CheckpointException($"{folder}: a draft model must be there, found none; name one by model=DIR.");
        var model = new DraftModel(target.OpenDraft(folder, Quantized), KeptTokens);
        ModelDrafter? drafter = null;
        try
        {
            drafter = Create(model, target);
            drafter.WarmUp();
            return drafter;
        }
        catch
        {
            drafter?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>The drafter, which owns <paramref name="model"/>.</summary>
    private protected abstract ModelDrafter Create(DraftModel model, DraftContext target);
}

/// <summary>A drafter that proposes the most probable tokens of a draft model, as many as pay.</summary>
public abstract record BestFirstOptions : ModelDrafterOptions
{
    private protected BestFirstOptions() { }

    /// <summary>Tokens proposed at most; 1 to 63, 16 by default.</summary>
    public int Nodes { get; init; } = 16;
    /// <summary>Tokens of the longest proposal; 1 to 31, 8 by default.</summary>
    public int Depth { get; init; } = 8;
    /// <summary>Tokens considered after each; 1 to 64, 3 by default, and 1, which makes a chain, where nothing is retrieved.</summary>
    public int Branches { get; init; } = 3;
    /// <summary>Whether the tree is as large as pays by measured times, or always as large as it may be; the former by default.</summary>
    public bool Adaptive { get; init; } = true;

    /// <summary>Enough for the probabilities of the first ones, which are taken from these alone.</summary>
    private protected override int KeptTokens => Math.Max(Branches, 8);

    /// <summary>Reads the settings that all of them have.</summary>
    private protected static T ReadTree<T>(DrafterSettings settings, T options) where T : BestFirstOptions =>
        ReadModel(settings, options) with
        {
            Nodes = settings.Whole("nodes", options.Nodes),
            Depth = settings.Whole("depth", options.Depth),
            Branches = settings.Whole("branches", options.Branches),
            Adaptive = settings.Flag("adaptive", options.Adaptive),
        };

    internal override void Validate()
    {
        Require("nodes", Nodes, 1, 63);
        Require("depth", Depth, 1, 31);
        Require("branches", Branches, 1, 64);
    }

    internal TreeEconomics Economics(in DraftRequest request, DraftModel model) =>
        new(Adaptive || request.OtherRows > 0 ? new PassEconomics(request) : null, model.PassSeconds);
}
