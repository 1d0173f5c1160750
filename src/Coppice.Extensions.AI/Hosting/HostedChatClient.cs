using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Coppice.Extensions.AI.Hosting;

/// <summary>The chat client of a host: there before its model is, and its answers end with the host.</summary>
internal sealed class HostedChatClient(HostedModels models) : IChatClient
{
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        models.Begin();
        try
        {
            var client = await models.ChatAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, models.Stopping);
            return await client.GetResponseAsync(messages, options, linked.Token).ConfigureAwait(false);
        }
        finally
        {
            models.End();
        }
    }

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        models.Begin();
        try
        {
            var client = await models.ChatAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, models.Stopping);
            await foreach (var update in client.GetStreamingResponseAsync(messages, options, linked.Token).ConfigureAwait(false))
                yield return update;
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
        return serviceType.IsInstanceOfType(this) ? this : models.ChatAsync().GetAwaiter().GetResult().GetService(serviceType);
    }

    /// <remarks>The models belong to the host's container.</remarks>
    public void Dispose() { }
}
