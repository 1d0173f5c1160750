using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Coppice.Extensions.AI.Hosting;

/// <summary>Healthy once all models are loaded; where the first request is to load them, before it too.</summary>
internal sealed class ModelHealthCheck(HostedModels models) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var data = new Dictionary<string, object> { ["running"] = models.Running };
        foreach (var (folder, task) in models.State())
        {
            if (task is { IsCompletedSuccessfully: true } || (task is null && !models.Options.WarmUp && !models.Options.WaitForModels))
                continue;
            var what = task switch
            {
                null => "is not loaded yet",
                { IsFaulted: true } => "could not be loaded",
                { IsCanceled: true } => "was not loaded, since the host stops",
                _ => "is being loaded",
            };
            var status = context.Registration.FailureStatus;
            return Task.FromResult(new HealthCheckResult(status, $"{folder} {what}.", task?.Exception?.InnerException, data));
        }
        return Task.FromResult(HealthCheckResult.Healthy("The models are ready.", data));
    }
}
