namespace Coppice.Text;

/// <summary>How much work one rendering of a chat template may do before it ends in a <see cref="TemplateException"/>.</summary>
public sealed record TemplateLimits
{
    /// <summary>The limits that hold where none are given; far above what real conversations need.</summary>
    public static TemplateLimits Default { get; } = new();

    /// <summary>
    /// Steps: one for each expression or statement evaluated and each element touched, one for every sixteen characters copied,
    /// and some more for each container made, so that time and memory are both bounded by it; 20 million by default.
    /// </summary>
    public long MaxSteps { get; init; } = 20_000_000;

    /// <summary>How deeply expressions, blocks, macro calls and nested values may be entered; 2,000 by default.</summary>
    public int MaxDepth { get; init; } = 2_000;

    /// <summary>The longest text, in UTF-16 units, that a rendering may produce or hold in one string; 33,554,432 by default.</summary>
    public int MaxCharacters { get; init; } = 32 << 20;
}
