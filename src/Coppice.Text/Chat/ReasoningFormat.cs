namespace Coppice.Text;

/// <summary>Between which marks a model writes what it reasons before it answers.</summary>
/// <param name="Open">Begins the reasoning.</param>
/// <param name="Close">Ends it; the answer follows.</param>
public sealed record ReasoningFormat(string Open, string Close)
{
    private static readonly ReasoningFormat[] Known =
    [
        new("<think>", "</think>"), new("[THINK]", "[/THINK]"), new("<|inner_prefix|>", "<|inner_suffix|>"),
        new("<seed:think>", "</seed:think>"), new("<|channel|>analysis<|message|>", "<|end|>"),
    ];

    internal IEnumerable<string> Marks => [Open, Close];

    /// <summary>The format that a chat template speaks of; null where it speaks of none.</summary>
    public static ReasoningFormat? Of(string template)
    {
        ArgumentNullException.ThrowIfNull(template);
        return template.Contains("<|channel|>", StringComparison.Ordinal)
            ? Known[^1]
            : Array.Find(Known, format => template.Contains(format.Close, StringComparison.Ordinal)
                || template.Contains(format.Open, StringComparison.Ordinal));
    }
}
