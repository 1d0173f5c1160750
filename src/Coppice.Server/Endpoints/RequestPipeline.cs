using Coppice.Server.Generation;
using Coppice.Server.Http;
using Coppice.Server.Metrics;
using Coppice.Server.Responses;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coppice.Server.Endpoints;

/// <summary>From a request to its endpoint: who may come in, what there is, and how errors are told.</summary>
internal sealed partial class RequestPipeline : IDisposable
{
    private const int ClientClosedRequest = 499;

    private readonly Dictionary<string, Route> _routes;
    private readonly Route _model;
    private readonly Origins _origins;
    private readonly ApiKeys _keys;
    private readonly RequestMetrics _metrics = new();
    private readonly ModelCatalog _catalog;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private volatile bool _isStopping;

    /// <summary>One of the server's paths.</summary>
    /// <param name="Method">What it is asked by.</param>
    /// <param name="Run">Answers.</param>
    /// <param name="IsOpen">Whether no key is needed.</param>
    private sealed record Route(string Method, Func<ApiCall, Task> Run, bool IsOpen = false);

    public RequestPipeline(ModelCatalog catalog, ServerOptions options, TimeProvider time)
    {
        (_catalog, _time) = (catalog, time);
        _origins = new Origins(options);
        _keys = new ApiKeys(options.ApiKeys);
        _log = options.Logger ?? NullLogger.Instance;
        var models = new ModelsEndpoint(catalog);
        _model = new Route(HttpMethods.Get, models.ShowAsync);
        _routes = new Dictionary<string, Route>(StringComparer.Ordinal)
        {
            ["/v1/completions"] = new(HttpMethods.Post, new CompletionsEndpoint(catalog, time).RunAsync),
            ["/v1/chat/completions"] = new(HttpMethods.Post, new ChatEndpoint(catalog, time).RunAsync),
            ["/v1/embeddings"] = new(HttpMethods.Post, new EmbeddingsEndpoint(catalog).RunAsync),
            [ModelsEndpoint.Path] = new(HttpMethods.Get, models.ListAsync),
            ["/tokenize"] = new(HttpMethods.Post, new TokenizeEndpoint(catalog).RunAsync),
            ["/health"] = new(HttpMethods.Get, HealthAsync, IsOpen: true),
            ["/metrics"] = new(HttpMethods.Get, MetricsAsync),
        };
        foreach (var (path, file) in PageFile.All) _routes[path] = new Route(HttpMethods.Get, file.SendAsync, IsOpen: true);
    }

    /// <summary>From now on new requests are refused; what runs is cancelled after <paramref name="time"/>.</summary>
    public void Drain(TimeSpan time)
    {
        _isStopping = true;
        _stop.CancelAfter(time);
    }

    /// <summary>Waits until nothing of a request is left.</summary>
    public async Task WaitAsync()
    {
        await _stop.CancelAsync();
        while (_metrics.Open > 0) await Task.Delay(10);
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();

    /// <summary>Answers a request.</summary>
    public async Task RunAsync(HttpContext context)
    {
        _metrics.Begin();
        var start = _time.GetTimestamp();
        var path = "other";
        try
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            _origins.Check(context);
            if (IsPreflight(context)) return;
            var route = Find(context, ref path);
            var scope = route.IsOpen ? CacheScope.Default : _keys.Check(context);
            if (_isStopping && !route.IsOpen) throw ApiException.Unavailable("server: is stopping.");
            using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stop.Token);
            await route.Run(new ApiCall(context, scope, cancellation.Token));
        }
        catch (Exception error)
        {
            await FailAsync(context, error);
        }
        finally
        {
            var status = context.RequestAborted.IsCancellationRequested ? ClientClosedRequest : context.Response.StatusCode;
            _metrics.End(path, status);
            var milliseconds = _time.GetElapsedTime(start).TotalMilliseconds;
            Answered(_log, context.Request.Method, path, status, milliseconds);
        }
    }

    private async Task FailAsync(HttpContext context, Exception error)
    {
        if (context.RequestAborted.IsCancellationRequested) return;
        if (context.Response.HasStarted)
        {
            ApiErrors.Of(error, _log);
            context.Abort();        // what was sent is not the whole answer, and the client must see that
            return;
        }
        var told = error is OperationCanceledException ? ApiException.Unavailable("server: is stopping.") : ApiErrors.Of(error, _log);
        context.Response.Headers.ContentLength = null;
        try
        {
            await JsonResponse.WriteAsync(context, told);
        }
        catch (OperationCanceledException)
        {
            // The client has gone.
        }
    }

    private Route Find(HttpContext context, ref string path)
    {
        var asked = context.Request.Path.Value ?? "/";
        if (_routes.TryGetValue(asked, out var route)) path = asked;
        else if (asked.StartsWith(ModelsEndpoint.Path + "/", StringComparison.Ordinal)) (path, route) = (ModelsEndpoint.Path, _model);
        if (route is null)
            throw ApiException.NotFound($"{ApiException.Clip(asked)}: there is nothing of that name; /v1/models lists the models.",
                code: "unknown_path");
        if (HttpMethods.Equals(route.Method, context.Request.Method)) return route;
        context.Response.Headers.Allow = route.Method;
        throw new ApiException(405, "invalid_request_error",
            $"{asked}: must be asked by {route.Method}, found {ApiException.Clip(context.Request.Method)}.", code: "method");
    }

    /// <summary>A browser asks first whether a page of another site may send what it wants to; that it may was checked.</summary>
    private static bool IsPreflight(HttpContext context)
    {
        if (!HttpMethods.IsOptions(context.Request.Method)) return false;
        var headers = context.Response.Headers;
        headers.AccessControlAllowMethods = "GET, POST";
        headers.AccessControlAllowHeaders = "authorization, content-type, *";
        headers.AccessControlMaxAge = "600";
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return true;
    }

    private Task HealthAsync(ApiCall call) =>
        JsonResponse.WriteAsync(call.Http, new HealthResponse(_isStopping ? "stopping" : "ok"), ServerJson.Default.HealthResponse,
            _isStopping ? 503 : 200);

    private Task MetricsAsync(ApiCall call)
    {
        call.Http.Response.ContentType = PrometheusText.ContentType;
        return call.Http.Response.WriteAsync(PrometheusText.Write(_catalog.All, _metrics), call.Cancellation);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path} {Status} {Milliseconds:f1} ms")]
    private static partial void Answered(ILogger log, string method, string path, int status, double milliseconds);
}
