using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace Coppice.Extensions.AI;

/// <summary>Models of Coppice as clients of Microsoft.Extensions.AI.</summary>
public static class CoppiceClientExtensions
{
    /// <summary>The model as a chat client; the model stays the caller's to dispose.</summary>
    /// <param name="model">The model; it must have a chat template.</param>
    /// <param name="options">What holds for every answer; null for the defaults.</param>
    /// <param name="logger">As for <see cref="CoppiceChatClient"/>.</param>
    /// <exception cref="InvalidOperationException">The model has no chat template.</exception>
    public static IChatClient AsIChatClient(this LanguageModel model, CoppiceChatClientOptions? options = null, ILogger? logger = null) =>
        new CoppiceChatClient(model, options, logger);

    /// <summary>The model as an embedding generator; the model stays the caller's to dispose.</summary>
    /// <param name="model">The model.</param>
    /// <param name="modelId">Its name in results; null for the name of its folder.</param>
    public static IEmbeddingGenerator<string, Embedding<float>> AsIEmbeddingGenerator(this EmbeddingModel model, string? modelId = null) =>
        new CoppiceEmbeddingGenerator(model, modelId);
}
