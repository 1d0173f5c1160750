using Coppice.Text.Patterns;

namespace Coppice.Text.PreTokenizers;

/// <summary>The Whitespace pre-tokenizer: runs of word characters and runs of other visible characters, white space dropped.</summary>
internal static class WordSplit
{
    public static PatternSplit Instance { get; } = new(Pattern.Parse(@"\w+|[^\w\s]+"), SplitBehavior.Removed, invert: true);
}
