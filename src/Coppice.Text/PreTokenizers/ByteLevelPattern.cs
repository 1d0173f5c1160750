using Coppice.Text.Patterns;

namespace Coppice.Text.PreTokenizers;

/// <summary>The pattern that the ByteLevel pre-tokenizer cuts with.</summary>
internal static class ByteLevelPattern
{
    /// <summary>The regular expression of GPT-2.</summary>
    public const string Expression = WordScanner.Plain;

    /// <summary>The cut at its matches.</summary>
    public static PatternSplit Split { get; } = new(Pattern.Parse(Expression), SplitBehavior.Isolated, invert: false);
}
