using Coppice.Extensions.AI.Hosting;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Coppice.Extensions.AI;

/// <summary>Models of Coppice as services.</summary>
public static class CoppiceServiceCollectionExtensions
{
    /// <summary>The name and the tag of the health check.</summary>
    public const string HealthCheckName = "coppice";

    /// <summary>
    /// Registers, as singletons that share one model: <see cref="IChatClient"/> and <see cref="LanguageModel"/> where
    /// <see cref="CoppiceOptions.ModelFolder"/> is set, <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> of text and
    /// <see cref="EmbeddingModel"/> where <see cref="CoppiceOptions.EmbeddingFolder"/> is; a hosted service that loads the models and lets
    /// answers end when the host stops; and a health check, which is healthy once the models are there.
    /// </summary>
    /// <remarks>
    /// The clients may be resolved at once: their first requests wait for the models. Resolving a model itself blocks until it is loaded.
    /// Middleware goes on top as usual: <c>services.AddChatClient(p => p.GetRequiredService&lt;IChatClient&gt;())</c> or
    /// <c>new ChatClientBuilder(client)</c>. The container disposes the models.
    /// </remarks>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; they are checked when the host starts.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddCoppice(this IServiceCollection services, Action<CoppiceOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        var first = !services.Any(service => service.ServiceType == typeof(HostedModels));
        services.AddOptions<CoppiceOptions>().Configure(configure).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<CoppiceOptions>, OptionsCheck>());
        if (!first) return services;
        services.TryAddSingleton<HostedModels>();
        services.TryAddSingleton<LanguageModel>(provider => provider.GetRequiredService<HostedModels>().Language());
        services.TryAddSingleton<EmbeddingModel>(provider => provider.GetRequiredService<HostedModels>().Embedding());
        services.TryAddSingleton<IChatClient>(provider => new HostedChatClient(provider.GetRequiredService<HostedModels>()));
        services.TryAddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(
            provider => new HostedEmbeddingGenerator(provider.GetRequiredService<HostedModels>()));
        services.AddSingleton<IHostedService, ModelService>();
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            HealthCheckName, provider => new ModelHealthCheck(provider.GetRequiredService<HostedModels>()), failureStatus: null,
            [HealthCheckName, "ready"]));
        return services;
    }

    private sealed class OptionsCheck : IValidateOptions<CoppiceOptions>
    {
        public ValidateOptionsResult Validate(string? name, CoppiceOptions options) =>
            options.Mistake() is { } mistake ? ValidateOptionsResult.Fail(mistake) : ValidateOptionsResult.Success;
    }
}
