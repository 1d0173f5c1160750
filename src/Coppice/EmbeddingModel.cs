using System.Collections.Concurrent;
using Coppice.Decoding;
using Coppice.Embeddings;
using Coppice.Execution;
using Coppice.Loading;

namespace Coppice;

/// <summary>Turns texts into vectors: with an encoder as BERT, or with the last hidden states of a decoder.</summary>
/// <remarks>
/// <para>The texts of all callers share passes, without padding; a text's vector has the same bits alone and among others. How states
/// become a vector, the longest text and the prompt in front of it are read from the files of sentence-transformers where the folder has
/// them.</para>
/// <para>Thread-safe. <see cref="Dispose"/> may be called at any moment from any thread; what runs ends at its next step, with
/// <see cref="ObjectDisposedException"/>.</para>
/// </remarks>
public sealed class EmbeddingModel : IDisposable
{
    private const int MostContext = 8192;
    private const int StateRows = 64;

    private readonly LanguageModel _model;
    private readonly bool _ownsModel;
    private readonly TextEncoder _encoder;
    private readonly ConcurrentBag<Sequence> _sequences = [];
    private readonly float[] _states;       // scratch of the thread that drives
    private readonly int _ahead;            // texts of one call in passes or waiting
    private int _disposed;

    /// <summary>Embeds with a model that is loaded, beside its sessions and in common passes with them.</summary>
    /// <param name="model">The model; belongs to the caller.</param>
    /// <param name="options">How; null for what the model's folder says.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="CheckpointException">The folder has no tokenizer, or a malformed file.</exception>
    /// <exception cref="UnsupportedModelException">The folder asks for what the engine does not have.</exception>
    public EmbeddingModel(LanguageModel model, EmbeddingOptions? options = null)
        : this(model, SentenceFolder.Read((model ?? throw new ArgumentNullException(nameof(model))).Folder), options, ownsModel: false) { }

    private EmbeddingModel(LanguageModel model, SentenceFolder folder, EmbeddingOptions? options, bool ownsModel)
    {
        options ??= new EmbeddingOptions();
        options.Validate();
        var tokenizer = model.Tokenizer
            ?? throw new CheckpointException($"{model.Folder}: a model that embeds texts must have a tokenizer, found none.");
        (_model, _ownsModel) = (model, ownsModel);
        MaxTokens = ownsModel ? model.ContextLength : Math.Min(model.ContextLength, folder.MaxTokens ?? int.MaxValue);
        Pooling = options.Pooling ?? folder.Pooling ?? (model.Spec.IsEncoder ? Pooling.Mean : Pooling.LastToken);
        IsNormalized = options.Normalize ?? folder.Normalize ?? true;
        _encoder = new TextEncoder(tokenizer, folder, model.VocabularySize, MaxTokens);
        _states = new float[StateRows * Dimensions];
        _ahead = 2 * model.Options.MaxSequences;
    }

    /// <summary>Elements of a vector.</summary>
    public int Dimensions => _model.Spec.HiddenSize;
    /// <summary>Tokens of a text at most, special ones included; the end of a longer text is left out.</summary>
    public int MaxTokens { get; }
    /// <summary>How the states of a text's tokens become one vector.</summary>
    public Pooling Pooling { get; }
    /// <summary>Whether vectors have the Euclidean length 1.</summary>
    public bool IsNormalized { get; }
    /// <summary>What was odd in the folder and did not keep the model from loading: a sentence each.</summary>
    public IReadOnlyList<string> Warnings => _model.Warnings;
    /// <summary>The name of the model's folder; of a hub's cache of one model, that of the model.</summary>
    public string Name => _model.Name;
    /// <summary>What computes, in words.</summary>
    public string DeviceName => _model.DeviceName;
    /// <summary>Bytes of device memory that the weights take.</summary>
    public long WeightBytes => _model.WeightBytes;

    /// <summary>Texts in passes at once at most; what comes beyond that waits.</summary>
    public int MaxSequences => _model.MaxSequences;
    /// <summary>How busy the model is now.</summary>
    public ModelStatistics Statistics => _model.Statistics;

    /// <summary>The model that computes.</summary>
    internal LanguageModel Model => _model;

    /// <summary>Loads the model in <paramref name="folder"/>.</summary>
    /// <param name="folder">A folder with config.json, safetensors and tokenizer files, and those of sentence-transformers where there are
    /// any.</param>
    /// <param name="options">
    /// How the model is kept; null for the defaults. ContextLength is the tokens of a text at most, by default what the folder says or the
    /// model has, at most 8,192.
    /// </param>
    /// <param name="embedding">How texts become vectors; null for what the folder says.</param>
    /// <param name="progress">Told of progress, from any thread.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or there is no device of that name.</exception>
    /// <exception cref="CheckpointException">A file is missing, malformed or contradicts another.</exception>
    /// <exception cref="UnsupportedModelException">The folder asks for what the engine does not have.</exception>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    /// <exception cref="PlatformNotSupportedException">The device is not on this machine.</exception>
    public static EmbeddingModel Load(
        string folder, ModelOptions? options = null, EmbeddingOptions? embedding = null, IProgress<LoadProgress>? progress = null) =>
        LoadFolder(folder, options, embedding, progress, CancellationToken.None);

    /// <summary>Loads the model in <paramref name="folder"/> on threads of the pool.</summary>
    /// <param name="folder">As for <see cref="Load"/>.</param>
    /// <param name="options">How the model is kept; null for the defaults.</param>
    /// <param name="embedding">How texts become vectors; null for what the folder says.</param>
    /// <param name="progress">Told of progress, from any thread.</param>
    /// <param name="cancellationToken">Takes effect within a few megabytes; everything that was taken is freed.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static Task<EmbeddingModel> LoadAsync(
        string folder, ModelOptions? options = null, EmbeddingOptions? embedding = null, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(
            () => LoadFolder(folder, options, embedding, progress, cancellationToken), cancellationToken,
            TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    private static EmbeddingModel LoadFolder(
        string folder, ModelOptions? options, EmbeddingOptions? embedding, IProgress<LoadProgress>? progress,
            CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new ModelOptions();
        var sentences = SentenceFolder.Read(folder);
        if (sentences.MaxTokens is { } most)
            options = options with { ContextLength = options.ContextLength ?? Math.Min(most, MostContext) };
        var model = LanguageModel.LoadFolder(sentences.ModelFolder, options, progress, ModelUse.Any, cancellation);
        try
        {
            return new EmbeddingModel(model, sentences, embedding, ownsModel: true);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The vector of <paramref name="text"/>, computed by this thread.</summary>
    /// <inheritdoc cref="Embed(IReadOnlyList{string}, CancellationToken)" path="/exception"/>
    public TextEmbedding Embed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Embed([text])[0];
    }

    /// <summary>The vectors of <paramref name="texts"/>, computed by this thread where no other one does.</summary>
    /// <param name="texts">Any number of texts of any lengths; the empty text has a vector where the tokenizer frames it.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <returns>In the order of <paramref name="texts"/>.</returns>
    /// <exception cref="ArgumentException">A text has no tokens.</exception>
    /// <exception cref="ModelBusyException">Too many texts of others wait.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyList<TextEmbedding> Embed(IReadOnlyList<string> texts, CancellationToken cancellationToken = default) =>
        Embed(Encodings(texts), isAsynchronous: false, cancellationToken).GetAwaiter().GetResult();

    /// <summary>The same without blocking a thread.</summary>
    /// <inheritdoc cref="Embed(IReadOnlyList{string}, CancellationToken)"/>
    public Task<IReadOnlyList<TextEmbedding>> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken = default) =>
        Embed(Encodings(texts), isAsynchronous: true, cancellationToken);

    /// <summary>The vectors of texts that are tokens already, without blocking a thread.</summary>
    /// <param name="texts">Each from one to <see cref="MaxTokens"/> tokens, special ones included: none are added.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <returns>In the order of <paramref name="texts"/>.</returns>
    /// <exception cref="ArgumentException">A text has no tokens, too many, or an id outside the vocabulary.</exception>
    /// <inheritdoc cref="Embed(IReadOnlyList{string}, CancellationToken)" path="/exception[@cref != 'T:System.ArgumentException']"/>
    public Task<IReadOnlyList<TextEmbedding>> EmbedAsync(IReadOnlyList<int[]> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        foreach (var ids in texts)
        {
            ArgumentNullException.ThrowIfNull(ids, nameof(texts));
            if (ids.Length == 0 || ids.Length > MaxTokens)
                throw new ArgumentException($"embed: a text must have from 1 to {MaxTokens} tokens, got {ids.Length}.", nameof(texts));
            PromptCheck.Ids(ids, _model.VocabularySize);
        }
        return Embed(new EncodedTexts(texts.Count, i => (texts[i], false)), isAsynchronous: true, cancellationToken);
    }

    /// <summary>The vectors of texts that are tokens already, each from one to <see cref="MaxTokens"/> of the vocabulary's.</summary>
    internal IReadOnlyList<TextEmbedding> EmbedIds(IReadOnlyList<int[]> texts, CancellationToken cancellation) =>
        Embed(new EncodedTexts(texts.Count, i => (texts[i], false)), isAsynchronous: false, cancellation).GetAwaiter().GetResult();

    /// <summary>Frees the model, unless it belongs to the caller, after the pass that runs.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        FreeSequences();
        if (_ownsModel) _model.Dispose();
    }

    /// <summary>
    /// Keeps some texts ahead of the one that is waited for, so that passes are full. Not asynchronous, it is done on return.
    /// </summary>
    private async Task<IReadOnlyList<TextEmbedding>> Embed(EncodedTexts texts, bool isAsynchronous, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        cancellation.ThrowIfCancellationRequested();
        var results = new TextEmbedding[texts.Count];
        var open = new Queue<OpenText>();
        try
        {
            for (int next = 0, done = 0; done < results.Length; done++)
            {
                while (next < results.Length && open.Count < _ahead && TryStart(texts.Encode(next), isAsynchronous, open, cancellation))
                    next++;
                var work = open.Peek().Work;
                while (!work.IsAtEnd())
                {
                    if (isAsynchronous) await work.WaitAsync().ConfigureAwait(false);
                    else work.Wait();
                }
                results[done] = open.Peek().Result();
                await CloseAsync(open.Dequeue(), isAsynchronous).ConfigureAwait(false);
                ThrowIfDisposed();
            }
            return results;
        }
        finally
        {
            while (open.TryDequeue(out var text)) await CloseAsync(text, isAsynchronous).ConfigureAwait(false);
        }
    }

    /// <summary>Texts, whose tokens are found one text after the other.</summary>
    private sealed record EncodedTexts(int Count, Func<int, (int[] Ids, bool IsTruncated)> Encode);

    private EncodedTexts Encodings(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        foreach (var text in texts) ArgumentNullException.ThrowIfNull(text, nameof(texts));
        return new EncodedTexts(texts.Count, i => (_encoder.Encode(texts[i], out var isTruncated), isTruncated));
    }

    /// <summary>A text that takes part in passes, or waits.</summary>
    private sealed record OpenText(
        Sequence Sequence, EmbeddingWork Work, Pooler Pooler, bool IsTruncated, CancellationTokenRegistration Registration)
    {
        public TextEmbedding Result() => new(Pooler.Vector(), Sequence.Count, IsTruncated);
    }

    /// <summary>Registers a text; false where the queue is full, and others of <paramref name="open"/> will come to their end.</summary>
    private bool TryStart((int[] Ids, bool IsTruncated) text, bool isAsynchronous, Queue<OpenText> open, CancellationToken cancellation)
    {
        var sequence = Rent(text.Ids);
        var pooler = new Pooler(Pooling, IsNormalized, Dimensions);
        var work = new EmbeddingWork(_model.Scheduler, sequence, _model.Spec.IsEncoder, pooler, _states, Dimensions)
        {
            IsAsynchronous = isAsynchronous,
        };
        try
        {
            _model.Scheduler.Demand(work);
        }
        catch (Exception error)
        {
            Return(sequence);
            if (error is ModelBusyException && open.Count > 0) return false;
            throw;
        }
        open.Enqueue(new OpenText(sequence, work, pooler, text.IsTruncated, cancellation.UnsafeRegister(Cancel, work)));
        return true;
    }

    private async ValueTask CloseAsync(OpenText text, bool isAsynchronous)
    {
        text.Registration.Unregister();
        if (isAsynchronous) await _model.Scheduler.WithdrawAsync(text.Work).ConfigureAwait(false);
        else _model.Scheduler.Withdraw(text.Work);
        Return(text.Sequence);
    }

    private static void Cancel(object? work, CancellationToken token) => ((ScheduledWork)work!).Stop(new OperationCanceledException(token));

    private Sequence Rent(ReadOnlySpan<int> ids)
    {
        if (!_sequences.TryTake(out var sequence)) sequence = new Sequence(_model.Runner);
        sequence.Begin(ids, DecodingOptions.Nothing);
        return sequence;
    }

    private void Return(Sequence sequence)
    {
        _model.Scheduler.Take(sequence);
        sequence.Clear();
        _model.Scheduler.Put(sequence, parks: false);
        _sequences.Add(sequence);
        if (Volatile.Read(ref _disposed) != 0) FreeSequences();     // a dispose that came meanwhile may not have seen it
    }

    private void FreeSequences()
    {
        while (_sequences.TryTake(out var sequence)) sequence.Dispose();
    }

    private void ThrowIfDisposed()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        _model.ThrowIfDisposed();
    }
}
