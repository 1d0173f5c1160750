using Microsoft.Extensions.AI;

namespace Coppice.Extensions.AI;

/// <summary>An embedding model in this process as an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>.</summary>
/// <remarks>Thread-safe: the texts of all callers share passes, and a vector does not depend on the others.</remarks>
public sealed class CoppiceEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly EmbeddingModel _model;
    private readonly bool _ownsModel;
    private readonly EmbeddingGeneratorMetadata _metadata;
    private int _disposed;

    /// <summary>A generator of <paramref name="model"/>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="modelId">Its name in results and metadata; null for the name of its folder.</param>
    /// <param name="ownsModel">Whether the model is disposed with the generator.</param>
    public CoppiceEmbeddingGenerator(EmbeddingModel model, string? modelId = null, bool ownsModel = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _ownsModel) = (model, ownsModel);
        ModelId = modelId ?? model.Name;
        _metadata = new EmbeddingGeneratorMetadata(CoppiceChatClient.Provider, defaultModelId: ModelId,
            defaultModelDimensions: model.Dimensions);
    }

    /// <summary>The model's name in results.</summary>
    public string ModelId { get; }

    /// <inheritdoc/>
    /// <remarks>The end of a text that is longer than <see cref="EmbeddingModel.MaxTokens"/> is left out.</remarks>
    /// <exception cref="NotSupportedException">An option has no effect here; the message names it.</exception>
    /// <exception cref="ArgumentException">A text is null or has no tokens.</exception>
    /// <exception cref="ModelBusyException">Too many texts of others wait.</exception>
    /// <exception cref="ObjectDisposedException">The generator or the model was disposed, before or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        Check(options);
        string[] texts = [.. values];
        if (texts.Any(text => text is null)) throw new ArgumentException("values: must not hold null.", nameof(values));
        var vectors = await _model.EmbedAsync(texts, cancellationToken).ConfigureAwait(false);
        var created = TimeProvider.System.GetUtcNow();
        var tokens = vectors.Sum(vector => (long)vector.TokenCount);
        return new GeneratedEmbeddings<Embedding<float>>(
            vectors.Select(vector => new Embedding<float>(vector.Vector) { CreatedAt = created, ModelId = ModelId }))
        {
            Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens },
        };
    }

    /// <inheritdoc/>
    /// <remarks>Knows <see cref="EmbeddingGeneratorMetadata"/>, <see cref="EmbeddingModel"/> and itself.</remarks>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        foreach (var service in (object[])[_metadata, this, _model])
            if (serviceType.IsInstanceOfType(service)) return service;
        return null;
    }

    /// <summary>Frees the model where it belongs to the generator.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0 && _ownsModel) _model.Dispose();
    }

    private void Check(EmbeddingGenerationOptions? options)
    {
        if (options is null) return;
        if (options.Dimensions is { } dimensions && dimensions != _model.Dimensions)
            throw Refused(nameof(options.Dimensions), $"the model's vectors have {_model.Dimensions} elements, got {dimensions}");
        if (options.ModelId is { } asked && asked != ModelId)
            throw Refused(nameof(options.ModelId), $"this generator has \"{ModelId}\" alone, got \"{asked}\"");
        if (options.AdditionalProperties is { Count: > 0 } properties)
            throw Refused($"AdditionalProperties[\"{properties.First().Key}\"]", "none is known");
        if (options.RawRepresentationFactory is not null)
            throw Refused(nameof(options.RawRepresentationFactory), "there is nothing to make");
    }

    private static NotSupportedException Refused(string option, string reason) =>
        new($"EmbeddingGenerationOptions.{option} cannot be followed: {reason}.");
}
