namespace Coppice.Extensions.AI;

/// <summary>What <see cref="CoppiceServiceCollectionExtensions.AddCoppice"/> registers, and how.</summary>
public sealed class CoppiceOptions
{
    /// <summary>Folder of the model that chats; null for none.</summary>
    public string? ModelFolder { get; set; }
    /// <summary>How that model is loaded.</summary>
    public ModelOptions Model { get; set; } = new();
    /// <summary>What holds for every answer.</summary>
    public CoppiceChatClientOptions Chat { get; set; } = new();

    /// <summary>Folder of the model that embeds; null for none.</summary>
    public string? EmbeddingFolder { get; set; }
    /// <summary>How that model is loaded.</summary>
    public ModelOptions EmbeddingModel { get; set; } = new();
    /// <summary>How its texts become vectors; null for what its folder says.</summary>
    public EmbeddingOptions? Embedding { get; set; }

    /// <summary>
    /// Whether the models are loaded, and a token is generated, when the host starts; true by default. The host does not wait for it unless
    /// <see cref="WaitForModels"/> says so. If false, the first request loads them.
    /// </summary>
    public bool WarmUp { get; set; } = true;
    /// <summary>
    /// Whether the host starts only when the models are there, and not at all where one cannot be loaded; false by default.
    /// </summary>
    public bool WaitForModels { get; set; }
    /// <summary>How long answers may go on once the host is asked to stop; then they are cancelled. 5 s by default.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What is wrong, or null.</summary>
    internal string? Mistake()
    {
        if (ModelFolder is null && EmbeddingFolder is null) return "AddCoppice: ModelFolder or EmbeddingFolder must be set, found neither.";
        if (ModelFolder is "" || EmbeddingFolder is "") return "AddCoppice: a folder must not be empty.";
        if (Model is null || EmbeddingModel is null || Chat is null) return "AddCoppice: Model, EmbeddingModel and Chat must not be null.";
        return StopTimeout < TimeSpan.Zero || StopTimeout > TimeSpan.FromDays(1)
            ? $"AddCoppice: StopTimeout must be from 0 to a day, got {StopTimeout}."
            : null;
    }
}
