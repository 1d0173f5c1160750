
namespace Coppice.Drafting;

/// <summary>Prompt lookup: what followed the last tokens where they occurred before, in the prompt or in the text so far.</summary>
public sealed record PromptLookupOptions : DrafterOptions
{
    internal const string KindName = "prompt-lookup";

    /// <inheritdoc/>
    public override string Name => KindName;
    /// <summary>Tokens proposed at most; 1 to 31, 8 by default.</summary>
    public int Length { get; init; } = 8;
    /// <summary>Tokens of the longest match that is looked for; 1 to 64, 8 by default.</summary>
    public int MaxMatch { get; init; } = 8;
    /// <summary>Tokens of the shortest match that counts; 1 by default, at most <see cref="MaxMatch"/>.</summary>
    public int MinMatch { get; init; } = 1;

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new PromptLookupOptions();
        return new PromptLookupOptions
        {
            Length = settings.Whole("length", defaults.Length),
            MaxMatch = settings.Whole("max-match", defaults.MaxMatch),
            MinMatch = settings.Whole("min-match", defaults.MinMatch),
        };
    }

    internal override void Validate()
    {
        Require("length", Length, 1, 31);
        Require("max-match", MaxMatch, 1, 64);
        Require("min-match", MinMatch, 1, MaxMatch);
    }

    internal override Drafter Create(DraftContext target) => new PromptLookupDrafter(this, target.MaxTokens);
}
