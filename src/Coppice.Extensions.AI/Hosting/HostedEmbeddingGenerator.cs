using Microsoft.Extensions.AI;

namespace Coppice.Extensions.AI.Hosting;

/// <summary>The embedding generator of a host: there before its model is.</summary>
internal sealed class HostedEmbeddingGenerator(HostedModels models) : IEmbeddingGenerator<string, Embedding<float>>
{
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        models.Begin();
        try
        {
            var generator = await models.EmbeddingAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, models.Stopping);
            return await generator.GenerateAsync(values, options, linked.Token).ConfigureAwait(false);
        }
        finally
        {
            models.End();
        }
    }

    /// <remarks>Waits for the model where it is not loaded yet.</remarks>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        return serviceType.IsInstanceOfType(this) ? this : models.EmbeddingAsync().GetAwaiter().GetResult().GetService(serviceType);
    }

    /// <remarks>The models belong to the host's container.</remarks>
    public void Dispose() { }
}
