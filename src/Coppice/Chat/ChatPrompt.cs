using Coppice.Text;

namespace Coppice;

/// <summary>A conversation made ready for a model: checked, rendered, cut to the context and turned into tokens.</summary>
/// <remarks>Immutable; may be answered more than once, also at the same time, for example with another seed.</remarks>
public sealed record ChatPrompt
{
    internal ChatPrompt() { }

    /// <summary>The tokens, up to where the answer begins.</summary>
    public required IReadOnlyList<int> Ids { get; init; }
    /// <summary>How the answer is generated: the request's options with what its tools and its schema demand.</summary>
    public required GenerationOptions Generation { get; init; }
    /// <summary>Messages at the beginning that did not fit.</summary>
    public required int DroppedMessages { get; init; }
    /// <summary>Whose prompts share keys and values with this one.</summary>
    public required CacheScope Scope { get; init; }

    internal ReasoningFormat? Reasoning { get; init; }
    internal bool BeginsInReasoning { get; init; }
    internal ToolCallFormat? Tools { get; init; }
    internal IReadOnlyCollection<string> ToolNames { get; init; } = [];

    /// <summary>What takes an answer apart.</summary>
    internal AnswerReader NewReader() => new(Reasoning, ToolNames.Count == 0 ? null : Tools, BeginsInReasoning, ToolNames);
}
