using System.Net;
using Coppice.Server.Endpoints;
using Coppice.Server.Generation;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coppice.Server;

/// <summary>
/// An HTTP server with the endpoints of the OpenAI API: /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/models, and /tokenize,
/// /health, /metrics.
/// </summary>
/// <remarks>
/// Requests of all clients share the model's passes; a text does not depend on who else is served. A client that goes away ends its text
/// within one pass. The models belong to the caller and must outlive the server.
/// </remarks>
public sealed class CoppiceServer : IAsyncDisposable
{
    /// <summary>After the drain time, for cancelled answers to say so.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly WebApplication _app;
    private readonly RequestPipeline _pipeline;
    private readonly IReadOnlyList<ServedModel> _models;
    private readonly TimeSpan _drainTime;
    private readonly Lazy<Task> _stop;

    private CoppiceServer(WebApplication app, RequestPipeline pipeline, IReadOnlyList<ServedModel> models, TimeSpan drainTime)
    {
        (_app, _pipeline, _models, _drainTime) = (app, pipeline, models, drainTime);
        _stop = new Lazy<Task>(EndAsync);
        Address = new Uri(app.Urls.First());
    }

    /// <summary>Where it listens, with the port that was found free where any was asked for.</summary>
    public Uri Address { get; }

    /// <summary>Begins to listen.</summary>
    /// <param name="models">At least one, under different names; each belongs to one server.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the beginning.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or the models are not as they must be.</exception>
    /// <exception cref="IOException">The port is in use, or the address not this machine's.</exception>
    public static async Task<CoppiceServer> StartAsync(
        IReadOnlyList<ServedModel> models, ServerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        options ??= new ServerOptions();
        options.Validate();
        var catalog = new ModelCatalog(models, options.MaxQueued, TimeProvider.System);
        var pipeline = new RequestPipeline(catalog, options, TimeProvider.System);
        var app = Build(options);
        app.Run(pipeline.RunAsync);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch
        {
            pipeline.Dispose();
            await app.DisposeAsync();
            throw;
        }
        return new CoppiceServer(app, pipeline, models, options.DrainTime);
    }

    /// <summary>
    /// Takes no more requests, lets those that run go on for the drain time, cancels what is left then, and ends: within the drain time and
    /// two seconds.
    /// </summary>
    public Task StopAsync() => _stop.Value;

    /// <summary>Stops, see <see cref="StopAsync"/>, and frees what the server has.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _pipeline.Dispose();
        await _app.DisposeAsync();
    }

    private async Task EndAsync()
    {
        _pipeline.Drain(_drainTime);
        using var limit = new CancellationTokenSource(_drainTime + LastWords);
        await _app.StopAsync(limit.Token);
        await _pipeline.WaitAsync();
        foreach (var model in _models) model.Close();
    }

    private static WebApplication Build(ServerOptions options)
    {
        // Nothing is read from files or variables, and no signal is listened for: that is the host's.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddSingleton(options.Logger ?? NullLogger.Instance);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            Listen(kestrel, options);
        });
        return builder.Build();
    }

    private static void Listen(KestrelServerOptions kestrel, ServerOptions options)
    {
        static void Plain(ListenOptions listen) => listen.Protocols = HttpProtocols.Http1;
        if (options.Host == "*") kestrel.ListenAnyIP(options.Port, Plain);
        else if (IPAddress.TryParse(options.Host, out var address)) kestrel.Listen(address, options.Port, Plain);
        else if (options.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            kestrel.Listen(IPAddress.Loopback, options.Port, Plain);
        else throw new ArgumentException($"server: the host must be an IP address, localhost or *, got \"{options.Host}\".",
            nameof(options));
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
