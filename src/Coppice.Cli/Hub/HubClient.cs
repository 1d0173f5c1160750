using System.Net;
using System.Net.Http.Headers;

namespace Coppice.Cli.Hub;

/// <summary>Asks a hub, patiently: what fails on the way is tried again from where it stopped.</summary>
/// <remarks>The token is sent to the hub alone, never to where it redirects.</remarks>
internal sealed class HubClient : IDisposable
{
    private const int MostRedirects = 5, Tries = 6, LongestAnswer = 32 << 20;

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(30) })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };
    private readonly Uri _endpoint;
    private readonly string? _token;

    /// <summary>A client of the hub at <paramref name="endpoint"/>.</summary>
    /// <exception cref="CommandException">That is no address.</exception>
    public HubClient(string endpoint, string? token)
    {
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            throw new CommandException($"HF_ENDPOINT: must be the address of a hub as https://example.org, found {endpoint}.");
        (_endpoint, _token) = (uri, string.IsNullOrWhiteSpace(token) ? null : token.Trim());
    }

    /// <summary>How long nothing may come before a connection counts as lost.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(30);
    /// <summary>Before the second try; each further one waits twice as long.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>What the hub says of a revision of a model.</summary>
    public async Task<HubRevision> RevisionAsync(string model, string revision, CancellationToken cancellation)
    {
        var address = new Uri(_endpoint, $"api/models/{model}/revision/{Uri.EscapeDataString(revision)}?blobs=true");
        var json = await TryAsync(async () =>
        {
            using var response = await GetAsync(address, 0, cancellation);
            Check(response, $"{model}, revision {revision}");
            using var body = new MemoryStream();
            await CopyAsync(response, (bytes, _) =>
            {
                if (body.Length + bytes.Length > LongestAnswer)
                    throw new CommandException($"{address}: must be at most {LongestAnswer >> 20} MiB, found more.");
                body.Write(bytes.Span);
                return default;
            }, cancellation);
            return body.ToArray();
        }, cancellation);
        return HubRevision.Parse(json, $"{_endpoint.Host}: {model}");
    }

    /// <summary>Fetches a file to <paramref name="path"/>, where part of it may be already.</summary>
    /// <param name="model">Whose.</param>
    /// <param name="commit">Of which revision.</param>
    /// <param name="file">Which.</param>
    /// <param name="path">Where to; what comes is appended.</param>
    /// <param name="progress">Told how many bytes are there.</param>
    /// <param name="cancellation">Leaves what has come.</param>
    public Task<bool> FetchAsync(string model, string commit, HubFile file, string path, Action<long> progress,
        CancellationToken cancellation) =>
        TryAsync(async () =>
        {
            await using var target = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            if (target.Length > file.Size) target.SetLength(0);
            if (target.Length == file.Size && file.Size > 0) return true;
            target.Position = target.Length;
            var address =
                new Uri(_endpoint, $"{model}/resolve/{commit}/{string.Join('/', file.Path.Split('/').Select(Uri.EscapeDataString))}");
            using var response = await GetAsync(address, target.Position, cancellation);
            Check(response, $"{model}: {file.Path}");
            if (response.StatusCode != HttpStatusCode.PartialContent) target.SetLength(0);       // the whole file comes
            else if (response.Content.Headers.ContentRange?.From != target.Length)
                throw new HttpRequestException("the server sent another part of the file.");
            await CopyAsync(response, async (bytes, token) =>
            {
                if (target.Position + bytes.Length > file.Size)
                {
                    target.SetLength(0);
                    throw new CommandException($"{model}: {file.Path} must have {file.Size:N0} bytes, found more.");
                }
                await target.WriteAsync(bytes, token);
                progress(target.Position);
            }, cancellation);
            if (target.Position < file.Size)
                throw new HttpRequestException($"the connection ended after {target.Position:N0} of {file.Size:N0} bytes.");
            return true;
        }, cancellation);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> GetAsync(Uri address, long from, CancellationToken cancellation)
    {
        for (var redirects = 0; ; redirects++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("coppice", "0.1"));
            if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
            if (_token is not null
                && Uri.Compare(address, _endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped,
                StringComparison.OrdinalIgnoreCase) == 0)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(Idle);
            HttpResponseMessage response;
            try
            {
                response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new HttpRequestException("the server did not answer in time.");
            }
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308)) return response;
            var location = response.Headers.Location;
            response.Dispose();
            if (location is null || redirects == MostRedirects)
                throw new CommandException($"{address}: redirects must end at a file, found more than {MostRedirects}.");
            address = new Uri(address, location);
            if (address.Scheme is not ("http" or "https"))
                throw new CommandException($"{_endpoint}: redirects must lead to http or https, found {address.Scheme}.");
        }
    }

    private async Task CopyAsync(HttpResponseMessage response, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take,
        CancellationToken cancellation)
    {
        var buffer = new byte[1 << 16];
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        while (true)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(Idle);
            int count;
            try
            {
                count = await body.ReadAsync(buffer, limit.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new HttpRequestException("nothing came any more.");
            }
            catch (IOException error)
            {
                throw new HttpRequestException($"the connection broke: {error.Message}", error);
            }
            if (count == 0) return;
            await take(buffer.AsMemory(0, count), cancellation);
        }
    }

    private void Check(HttpResponseMessage response, string what)
    {
        if (response.IsSuccessStatusCode) return;
        var status = (int)response.StatusCode;
        if (status is 408 or 429 or >= 500) throw new HttpRequestException($"the server answered {status}.", null, response.StatusCode);
        var hint = status switch
        {
            401 or 403 => _token is null ? "it may need a token: set HF_TOKEN" : "the token of HF_TOKEN does not open it",
            404 => "is the name right, and the --revision?",
            _ => $"{response.ReasonPhrase}",
        };
        throw new CommandException($"{_endpoint.Host}: {what}: must be there, found status {status} ({hint}).");
    }

    private async Task<T> TryAsync<T>(Func<Task<T>> work, CancellationToken cancellation)
    {
        for (var (attempt, pause) = (1, Pause); ; attempt++, pause *= 2)
        {
            try
            {
                return await work();
            }
            catch (Exception error) when (error is HttpRequestException or HttpIOException)
            {
                if (attempt == Tries) throw new CommandException($"{_endpoint}: {Tries} attempts failed, at last: {error.Message}", error);
            }
            await Task.Delay(pause, cancellation);
        }
    }
}
