using System.Text.Json;
using Coppice.Text;

namespace Coppice;

/// <summary>A conversation that a model is to answer, and how.</summary>
public sealed record ChatRequest
{
    /// <summary>The conversation, oldest message first; at least one.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init; } = [];
    /// <summary>
    /// How the answer is generated; by default as the model recommends. <see cref="GenerationOptions.Schema"/> and the other constraints
    /// hold for the answer, not for the reasoning before it, and leave calls of functions free.
    /// </summary>
    public GenerationOptions Generation { get; init; } = new() { UseModelDefaults = true };
    /// <summary>Functions that the model may call; none by default.</summary>
    public IReadOnlyList<ChatTool> Tools { get; init; } = [];
    /// <summary>Whether it calls one; <see cref="ToolChoice.Auto"/> by default.</summary>
    public ToolChoice ToolChoice { get; init; } = ToolChoice.Auto;
    /// <summary>Whether one answer may have several calls; true by default.</summary>
    public bool AllowParallelCalls { get; init; } = true;
    /// <summary>
    /// Whether the model reasons before it answers, where its template leaves the choice; null, the default, for what the template does.
    /// </summary>
    public bool? Reasoning { get; init; }
    /// <summary>Documents that the template may cite, as a JSON array; null for none.</summary>
    public JsonElement? Documents { get; init; }
    /// <summary>Further variables of the template; none by default.</summary>
    public IReadOnlyDictionary<string, JsonElement> TemplateVariables { get; init; } = new Dictionary<string, JsonElement>();
    /// <summary>What the template takes for now; null for the clock.</summary>
    public DateTime? Now { get; init; }
    /// <summary>Whether special tokens that are spelled in messages, tools and documents count as such; not by default.</summary>
    public bool AllowSpecialTokens { get; init; }
    /// <summary>What happens where the conversation is too long; it is refused by default.</summary>
    public ContextOverflow Overflow { get; init; } = ContextOverflow.Refuse;
    /// <summary>Whose prompts share keys and values with this one; the model's common scope by default.</summary>
    public CacheScope Scope { get; init; } = CacheScope.Default;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Messages);
        ArgumentNullException.ThrowIfNull(Generation);
        ArgumentNullException.ThrowIfNull(Tools);
        ArgumentNullException.ThrowIfNull(ToolChoice);
        ArgumentNullException.ThrowIfNull(TemplateVariables);
        ArgumentNullException.ThrowIfNull(Scope);
        if (Messages.Count == 0) throw new ArgumentException("chat: Messages must have at least one, found none.", nameof(Messages));
        if (Messages.Any(message => message is null)) throw new ArgumentException("chat: Messages must not hold null.", nameof(Messages));
        if (Tools.Any(tool => tool is null)) throw new ArgumentException("chat: Tools must not hold null.", nameof(Tools));
        if (Tools.GroupBy(tool => tool.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"chat: Tools must have different names, found \"{twice.Key}\" twice.", nameof(Tools));
        if (ToolChoice.IsRequired && Tools.Count == 0)
            throw new ArgumentException("chat: ToolChoice asks for a call, but there are no Tools.", nameof(ToolChoice));
        if (ToolChoice.Name is { } name && Tools.All(tool => tool.Name != name))
            throw new ArgumentException($"chat: ToolChoice names \"{name}\", which is none of the Tools.", nameof(ToolChoice));
        if (!Enum.IsDefined(Overflow)) throw new ArgumentOutOfRangeException(nameof(Overflow), $"chat: Overflow is not known: {Overflow}.");
    }
}
