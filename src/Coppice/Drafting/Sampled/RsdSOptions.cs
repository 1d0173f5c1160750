
namespace Coppice.Drafting;

/// <summary>Recursive speculative decoding with stochastic beam search.</summary>
public sealed record RsdSOptions : SampledDrafterOptions
{
    internal const string KindName = "rsd-s";

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>Sequences proposed; 1 to 32, 2 by default.</summary>
    public int Width { get; init; } = 2;
    /// <summary>Their tokens; 1 to 31, 3 by default, and at most 63 in all sequences.</summary>
    public int Length { get; init; } = 3;

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new RsdSOptions();
        return ReadDraws(settings, defaults) with
        {
            Width = settings.Whole("width", defaults.Width),
            Length = settings.Whole("length", defaults.Length),
        };
    }

    internal override void Validate()
    {
        base.Validate();
        Require("width", Width, 1, 32);
        Require("length", Length, 1, 31);
        Require("width · length", Width * Length, 1, 63);
    }

    private protected override ModelDrafter Create(DraftModel model, DraftContext target) => new RsdSDrafter(this, model);
}
