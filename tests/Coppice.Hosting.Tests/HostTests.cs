using System.Diagnostics;
using Coppice.Extensions.AI;
using Coppice.Hosting.Tests.Support;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace Coppice.Hosting.Tests;

/// <summary>AddCoppice in a host: ready, healthy, and gone within its bound.</summary>
public sealed class HostTests : IDisposable
{
    private static readonly ChatOptions Long =
        new() { Temperature = 0, MaxOutputTokens = 4000, AdditionalProperties = new() { ["ignore_eos"] = true } };

    private readonly ChatModels _models = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _models.Dispose();

    [Fact]
    public async Task A_host_has_its_clients_and_is_healthy_once_the_models_are_there()
    {
        var folder = _models.Folder(ChatModels.Plain);
        using var host = Host(options => (options.ModelFolder, options.EmbeddingFolder) = (folder, folder));
        var health = host.Services.GetRequiredService<HealthCheckService>();
        Assert.Equal(HealthStatus.Unhealthy, (await health.CheckHealthAsync(Token)).Status);
        await host.StartAsync(Token);
        var client = host.Services.GetRequiredService<IChatClient>();
        Assert.NotEqual("", (await client.GetResponseAsync("Gets or sets", new() { MaxOutputTokens = 8 }, Token)).Text);
        var generator = host.Services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        Assert.Single(await generator.GenerateAsync(["x"], cancellationToken: Token));
        var report = await health.CheckHealthAsync(Token);
        Assert.Equal(HealthStatus.Healthy, report.Status);
        Assert.Equal(0, report.Entries[CoppiceServiceCollectionExtensions.HealthCheckName].Data["running"]);
        Assert.Same(host.Services.GetRequiredService<LanguageModel>(), client.GetService<LanguageModel>());
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_model_that_cannot_be_loaded_fails_requests_and_health_and_the_start_where_it_is_waited_for()
    {
        using var host = Host(options => options.ModelFolder = "no such folder");
        await host.StartAsync(Token);
        var client = host.Services.GetRequiredService<IChatClient>();
        await Assert.ThrowsAnyAsync<EngineException>(() => client.GetResponseAsync("x", null, Token));
        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);
        Assert.Equal(HealthStatus.Unhealthy, report.Status);
        await host.StopAsync(Token);
        using var strict = Host(options => (options.ModelFolder, options.WaitForModels) = ("no such folder", true));
        await Assert.ThrowsAnyAsync<EngineException>(() => strict.StartAsync(Token));
        using var empty = Host(_ => { });
        await Assert.ThrowsAsync<OptionsValidationException>(() => empty.StartAsync(Token));
    }

    [Fact]
    public async Task Answers_end_or_are_cancelled_within_the_bound()
    {
        var folder = _models.Folder(ChatModels.Plain);
        using var host = Host(options => (options.ModelFolder, options.StopTimeout) = (folder, TimeSpan.FromMilliseconds(300)));
        await host.StartAsync(Token);
        var client = host.Services.GetRequiredService<IChatClient>();
        var began = new TaskCompletionSource();
        var endless = Task.Run(async () =>
        {
            while (true)
            {
                await foreach (var _ in client.GetStreamingResponseAsync("Gets or sets", Long, Token)) began.TrySetResult();
            }
        }, Token);
        await began.Task.WaitAsync(Token);
        var start = Stopwatch.GetTimestamp();
        await host.StopAsync(Token);
        var time = Stopwatch.GetElapsedTime(start);
        Assert.True(time < TimeSpan.FromSeconds(10), $"stopping took {time}");
        await Assert.ThrowsAnyAsync<Exception>(() => endless);
        Assert.IsNotType<NullReferenceException>(endless.Exception?.InnerException);
    }

    [Fact]
    public async Task A_short_answer_may_end_while_the_host_stops()
    {
        var folder = _models.Folder(ChatModels.Plain);
        using var host = Host(options => (options.ModelFolder, options.StopTimeout) = (folder, TimeSpan.FromSeconds(60)));
        await host.StartAsync(Token);
        var client = host.Services.GetRequiredService<IChatClient>();
        await using var updates = client.GetStreamingResponseAsync("Gets or sets", new() { Temperature = 0, MaxOutputTokens = 30 },
            Token).GetAsyncEnumerator(Token);
        Assert.True(await updates.MoveNextAsync());
        var stopping = host.StopAsync(Token);
        ChatFinishReason? reason = null;
        while (await updates.MoveNextAsync()) reason = updates.Current.FinishReason;
        Assert.NotNull(reason);
        await stopping;
    }

    private static IHost Host(Action<CoppiceOptions> configure)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddCoppice(options =>
        {
            options.Model = new ModelOptions { Device = "cpu", Threads = 2 };
            options.EmbeddingModel = options.Model;
            configure(options);
        });
        return builder.Build();
    }
}
