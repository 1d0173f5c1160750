using Microsoft.Extensions.Hosting;

namespace Coppice.Extensions.AI.Hosting;

/// <summary>Loads the models with the host, and gives answers a bounded time when the host stops.</summary>
internal sealed class ModelService : IHostedService, IDisposable
{
    private readonly HostedModels _models;
    private readonly CancellationTokenRegistration _stopping;

    /// <param name="models">The models.</param>
    /// <param name="lifetime">Tells that the host stops before it waits for its requests.</param>
    public ModelService(HostedModels models, IHostApplicationLifetime lifetime)
    {
        _models = models;
        _stopping = lifetime.ApplicationStopping.Register(models.BeginStop);
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!_models.Options.WarmUp && !_models.Options.WaitForModels) return;
        var loading = _models.LoadAsync();
        if (_models.Options.WaitForModels) await loading.WaitAsync(cancellationToken).ConfigureAwait(false);
        // What fails is logged, is the health check's to tell, and fails the requests that need it.
        else _ = loading.ContinueWith(static failed => _ = failed.Exception, TaskContinuationOptions.OnlyOnFaulted);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _models.StopAsync(cancellationToken);

    public void Dispose() => _stopping.Dispose();
}
