using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Coppice.Extensions.AI.Hosting;

/// <summary>The models of a host: loaded once, whoever asks first; and how many answers are on their way.</summary>
internal sealed class HostedModels : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10), Grace = TimeSpan.FromSeconds(1);

    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _loading = new(), _stopping = new();
    private Task<CoppiceChatClient>? _chat;
    private Task<CoppiceEmbeddingGenerator>? _embedding;
    private int _running;
    private bool _stops, _disposed;

    /// <param name="options">What is loaded.</param>
    /// <param name="loggers">Make the logger; null where the container has none.</param>
    public HostedModels(IOptions<CoppiceOptions> options, ILoggerFactory? loggers = null) =>
        (Options, _logger) = (options.Value, loggers?.CreateLogger<CoppiceChatClient>() ?? (ILogger)NullLogger.Instance);

    public CoppiceOptions Options { get; }

    /// <summary>Answers and texts that are on their way.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Cancelled when answers must end.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>The chat client, which is loaded now if it is not yet.</summary>
    /// <exception cref="InvalidOperationException">No model that chats was configured.</exception>
    public Task<CoppiceChatClient> ChatAsync()
    {
        if (Options.ModelFolder is not { } folder)
            throw new InvalidOperationException("AddCoppice: ModelFolder must be set for an IChatClient, it is not.");
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(CoppiceChatClient));
            if (_chat is null or { IsFaulted: true } or { IsCanceled: true }) _chat = Task.Run(() => LoadChatAsync(folder));
            return _chat;
        }
    }

    /// <summary>The embedding generator, which is loaded now if it is not yet.</summary>
    /// <exception cref="InvalidOperationException">No model that embeds was configured.</exception>
    public Task<CoppiceEmbeddingGenerator> EmbeddingAsync()
    {
        if (Options.EmbeddingFolder is not { } folder)
            throw new InvalidOperationException("AddCoppice: EmbeddingFolder must be set for an IEmbeddingGenerator, it is not.");
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(CoppiceEmbeddingGenerator));
            if (_embedding is null or { IsFaulted: true } or { IsCanceled: true }) _embedding = Task.Run(() => LoadEmbeddingAsync(folder));
            return _embedding;
        }
    }

    /// <summary>The model that chats; waits for it.</summary>
    public LanguageModel Language() => (LanguageModel)ChatAsync().GetAwaiter().GetResult().GetService(typeof(LanguageModel))!;

    /// <summary>The model that embeds; waits for it.</summary>
    public EmbeddingModel Embedding() => (EmbeddingModel)EmbeddingAsync().GetAwaiter().GetResult().GetService(typeof(EmbeddingModel))!;

    /// <summary>Loads what is configured.</summary>
    public Task LoadAsync()
    {
        var tasks = new List<Task>();
        if (Options.ModelFolder is not null) tasks.Add(ChatAsync());
        if (Options.EmbeddingFolder is not null) tasks.Add(EmbeddingAsync());
        return Task.WhenAll(tasks);
    }

    /// <summary>How far loading is: a task for each model that was asked for.</summary>
    public IReadOnlyList<(string Folder, Task? Task)> State()
    {
        lock (_gate)
        {
            var state = new List<(string, Task?)>();
            if (Options.ModelFolder is { } model) state.Add((model, _chat));
            if (Options.EmbeddingFolder is { } embedding) state.Add((embedding, _embedding));
            return state;
        }
    }

    public void Begin() => Interlocked.Increment(ref _running);

    public void End() => Interlocked.Decrement(ref _running);

    /// <summary>From now on answers have until the timeout to end.</summary>
    public void BeginStop()
    {
        lock (_gate)
        {
            if (_disposed || _stops) return;
            _stops = true;
        }
        ClientLog.Stopping(_logger, Running);
        _loading.Cancel();
        _stopping.CancelAfter(Options.StopTimeout);
    }

    /// <summary>Waits until all answers have ended, by themselves or because they were cancelled.</summary>
    public async Task StopAsync(CancellationToken hurry)
    {
        BeginStop();
        while (Running > 0 && !_stopping.IsCancellationRequested && !hurry.IsCancellationRequested)
            await Task.Delay(Poll, CancellationToken.None).ConfigureAwait(false);
        if (Running == 0) return;
        ClientLog.Cancelled(_logger, Running);
        await _stopping.CancelAsync().ConfigureAwait(false);
        // Cancelling takes effect within one pass. A caller that has stopped reading is not waited for.
        var deadline = Stopwatch.GetTimestamp();
        while (Running > 0 && Stopwatch.GetElapsedTime(deadline) < Grace)
            await Task.Delay(Poll, CancellationToken.None).ConfigureAwait(false);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
        }
        _loading.Cancel();
        _stopping.Cancel();
        Dispose(_chat);
        Dispose(_embedding);
    }

    private static void Dispose<T>(Task<T>? loading) where T : IDisposable
    {
        if (loading is null) return;
        try { loading.GetAwaiter().GetResult().Dispose(); }
        catch (Exception) when (!loading.IsCompletedSuccessfully) { }      // there is nothing to free, and whoever asked was told
    }

    private async Task<CoppiceChatClient> LoadChatAsync(string folder)
    {
        var model = await LoadAsync(folder, () =>
            LanguageModel.LoadAsync(folder, Options.Model, null, _loading.Token)).ConfigureAwait(false);
        try
        {
            Report(model.Name, model.Warnings);
            var client = new CoppiceChatClient(model, Options.Chat, _logger, ownsModel: true);
            if (Options.WarmUp) await WarmUpAsync(model).ConfigureAwait(false);
            return client;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private async Task<CoppiceEmbeddingGenerator> LoadEmbeddingAsync(string folder)
    {
        var model = await LoadAsync(
            folder, () => EmbeddingModel.LoadAsync(folder, Options.EmbeddingModel, Options.Embedding, null, _loading.Token))
            .ConfigureAwait(false);
        try
        {
            Report(model.Name, model.Warnings);
            if (Options.WarmUp) await model.EmbedAsync(["warm"], _loading.Token).ConfigureAwait(false);
            return new CoppiceEmbeddingGenerator(model, ownsModel: true);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private async Task<T> LoadAsync<T>(string folder, Func<Task<T>> load)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            var model = await load().ConfigureAwait(false);
            var device = model is LanguageModel language ? language.DeviceName : ((EmbeddingModel)(object)model!).DeviceName;
            ClientLog.Loaded(_logger, folder, Stopwatch.GetElapsedTime(start).TotalMilliseconds, device);
            return model;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            ClientLog.NotLoaded(_logger, folder, error);
            throw;
        }
    }

    private void Report(string model, IReadOnlyList<string> warnings)
    {
        foreach (var warning in warnings) ClientLog.Odd(_logger, model, warning);
    }

    /// <summary>A prompt and a token: what is compiled when it is first called is compiled then.</summary>
    private async Task WarmUpAsync(LanguageModel model)
    {
        using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
        var prompt = model.Tokenizer!.Encode("warm");
        if (prompt.Length == 0) return;
        await foreach (var _ in session.GenerateAsync(prompt, new GenerationOptions { MaxTokens = 2, IgnoreEos = true },
            _loading.Token).ConfigureAwait(false)) { }
    }
}
