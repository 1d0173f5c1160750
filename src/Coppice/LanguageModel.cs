using Coppice.Cache;
using Coppice.Constraints;
using Coppice.Decoding;
using Coppice.Decoding.Constraints;
using Coppice.Drafting;
using Coppice.Drafting.NGrams;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Text;
using Coppice.Weights;

namespace Coppice;

/// <summary>A model loaded from a folder in the layout of Hugging Face: weights on a device, and sessions that use them.</summary>
/// <remarks>
/// Thread-safe. Sessions are independent of each other and may run at the same time: what they need goes into common passes.
/// <see cref="Dispose"/> may be called at any moment from any thread; generations that run end at their next step, with
/// <see cref="ObjectDisposedException"/>.
/// </remarks>
public sealed class LanguageModel : IDisposable
{
    private const int DefaultContextLength = 8192, DefaultContexts = 8;

    private readonly ModelWeights _weights;
    private readonly Lock _draftsGate = new();
    private readonly Dictionary<(string Folder, bool Quantized), LanguageModel> _drafts = [];
    private readonly Dictionary<(HeadKind? Kind, string Folder, bool Quantized), DraftHeads> _heads = [];
    private readonly HeadLoader _headLoader;
    private readonly LanguageModel? _target;
    private readonly WarmUp? _warmUp;
    private readonly string[] _warnings;
    private readonly Lazy<TokenVocabulary> _vocabulary;
    private int _disposed;

    /// <summary>
    /// A model of <paramref name="weights"/>, which belong to it from now on, as does <paramref name="backend"/> unless there is a
    /// <paramref name="target"/>.
    /// </summary>
    internal LanguageModel(
        Backend backend, ModelFolder files, Tokenizer? tokenizer, ModelWeights weights, ModelOptions options, LanguageModel? target,
            WarmUp? warmUp = null)
    {
        var spec = files.Spec;
        (Backend, Spec, _weights, Options, Folder) = (backend, spec, weights, options, files.Folder);
        Defaults = files.Defaults.With(tokenizer?.SpecialTokens.EndId, spec.VocabularySize);
        (Tokenizer, _target, _warmUp) = (tokenizer, target, warmUp);
        _warnings = [.. files.Warnings, .. tokenizer?.Warnings ?? []];
        _vocabulary = new Lazy<TokenVocabulary>(() => ModelVocabulary.Of(tokenizer, spec.VocabularySize, EndTokenIds));
        Breakers = new BreakerTokens(() => Vocabulary);
        Chat = new Chat(this);
        ContextLength = Math.Max(options.ContextLength ?? Math.Min(spec.ContextLength, DefaultContextLength), 2);
        Runner = new ModelRunner(
            backend, spec, weights, ContextLength, PassRows(options), options.KvCache, SharedTokens(options), target?.Runner.Gate);
        Scheduler = new Scheduler(Runner, new SchedulerOptions(options.MaxSequences, options.MaxQueued, options.TokenDelay));
        Decoder = new Decoder(spec.VocabularySize);
        Prefixes = Runner.SharedPages is { } pages && options.KvCache.PrefixCaching
            ? new PrefixCache(pages, pages.Pages, options.KvCache.PrefixHash)
            : null;
        NGrams = new NGramStores(files.Folder, spec.VocabularySize, () => DraftContext!.TokenizerFingerprint.ToArray());
        _headLoader = new HeadLoader(backend, files.Folder, spec, weights, () => DraftContext!.TokenizerFingerprint.ToArray());
        DraftContext = new DraftContext(tokenizer, OpenDraft, OpenHeads)
        {
            VocabularySize = spec.VocabularySize,
            MaxTokens = ContextLength,
            HiddenSize = spec.HiddenSize,
            Folder = files.Folder,
        };
    }

    /// <summary>Frees what a host has forgotten to dispose.</summary>
    ~LanguageModel() => Free(wait: false);

    /// <summary>Tokens of a session, prompt and generated.</summary>
    public int ContextLength { get; }
    /// <summary>The former name of <see cref="ContextLength"/>.</summary>
    [Obsolete("Use ContextLength.")]
    public int MaxTokens => ContextLength;
    /// <summary>Entries of the vocabulary: ids are below it.</summary>
    public int VocabularySize => Spec.VocabularySize;
    /// <summary>What turns text into ids; null where the folder has no tokenizer.</summary>
    public Tokenizer? Tokenizer { get; }
    /// <summary>
    /// The model's tokens as constraints see them; without a tokenizer no id has text. Made when it is first asked for.
    /// </summary>
    public TokenVocabulary Vocabulary => _vocabulary.Value;
    /// <summary>Conversations with the model by its own chat template.</summary>
    public Chat Chat { get; }
    /// <summary>Tokens that end a text, as configuration and tokenizer say, ascending; may be none.</summary>
    public IReadOnlyList<int> EndTokenIds => Defaults.EndIds;
    /// <summary>
    /// What generation_config.json recommends, as options: to be used as they are, changed with <c>with</c>, or filled in by
    /// <see cref="GenerationOptions.UseModelDefaults"/>. All defaults where the folder recommends nothing.
    /// </summary>
    public GenerationOptions DefaultGeneration => Defaults.Options;
    /// <summary>
    /// What was odd in the folder, or failed beside the loading, and did not keep the model from loading: a sentence each.
    /// </summary>
    public IReadOnlyList<string> Warnings =>
        _warmUp?.Error is { } error
            ? [.. _warnings, $"warm-up failed, so the first tokens take longer: {error.Message}"]
            : _warnings;
    /// <summary>The name of the model's folder; of a hub's cache of one model, that of the model.</summary>
    public string Name => ModelName.Of(Folder);
    /// <summary>What computes, in words.</summary>
    public string DeviceName => Backend.Name;
    /// <summary>Bytes of device memory that the weights take.</summary>
    public long WeightBytes => _weights.Pool!.Statistics.BytesInUse;
    /// <summary>Sequences in passes at once at most; what comes beyond that waits.</summary>
    public int MaxSequences => Options.MaxSequences;
    /// <summary>How busy the model is now.</summary>
    public ModelStatistics Statistics
    {
        get
        {
            var (running, waiting) = Scheduler.Count();
            var pages = Runner.SharedPages;
            var used = pages is null ? 0 : pages.Pages - pages.FreePages;
            return new ModelStatistics(running, waiting, Scheduler.Preemptions, pages?.Pages ?? 0, used);
        }
    }

    internal string Folder { get; }
    internal Backend Backend { get; }
    internal ModelSpec Spec { get; }
    internal GenerationDefaults Defaults { get; }
    internal ModelOptions Options { get; }
    /// <summary>Owns what the model computes with.</summary>
    internal ModelRunner Runner { get; }
    /// <summary>Decides who is in the next pass.</summary>
    internal Scheduler Scheduler { get; }
    /// <summary>Chooses tokens, on the thread that drives.</summary>
    internal Decoder Decoder { get; }
    /// <summary>Pages of prompts that sessions share; null where they do not.</summary>
    internal PrefixCache? Prefixes { get; }
    /// <summary>Of the model whose keys and values a saved session must have: see <see cref="ModelFingerprint"/>.</summary>
    internal byte[] Fingerprint { get; private init; } = [];

    /// <summary>How its matrices are kept, each format once.</summary>
    internal IReadOnlyList<MatrixFormat> MatrixFormats { get; private init; } = [];
    /// <summary>What repetitions do not reach across, in the model's tokens.</summary>
    internal BreakerTokens Breakers { get; }
    /// <summary>Counts for superposed drafts.</summary>
    internal NGramStores NGrams { get; }
    /// <summary>What drafters may know of this model.</summary>
    internal DraftContext DraftContext { get; }

    /// <summary>Loads the model in <paramref name="folder"/>.</summary>
    /// <param name="folder">A folder with config.json, safetensors and, where text is wanted, tokenizer files.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="progress">Told of progress, from any thread.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or there is no device of that name.</exception>
    /// <exception cref="CheckpointException">A file is missing, malformed or contradicts another.</exception>
    /// <exception cref="UnsupportedModelException">The model needs an unsupported feature.</exception>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    /// <exception cref="PlatformNotSupportedException">The device is not on this machine.</exception>
    public static LanguageModel Load(string folder, ModelOptions? options = null, IProgress<LoadProgress>? progress = null) =>
        LoadFolder(folder, options, progress, ModelUse.Text, CancellationToken.None);

    /// <summary>Loads the model in <paramref name="folder"/> on a thread of its own; threads of the pool help.</summary>
    /// <param name="folder">As for <see cref="Load(string, ModelOptions?, IProgress{LoadProgress}?)"/>.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="progress">Told of progress, from any thread.</param>
    /// <param name="cancellationToken">Takes effect within a few megabytes; everything that was taken is freed.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <inheritdoc cref="Load(string, ModelOptions?, IProgress{LoadProgress}?)" path="/exception"/>
    public static Task<LanguageModel> LoadAsync(
        string folder, ModelOptions? options = null, IProgress<LoadProgress>? progress = null,
            CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(
            () => LoadFolder(folder, options, progress, ModelUse.Text, cancellationToken), cancellationToken,
                TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    /// <summary>
    /// Loads the model in <paramref name="folder"/>, as <see cref="Load(string, ModelOptions?, IProgress{LoadProgress}?)"/>.
    /// </summary>
    internal static LanguageModel LoadFolder(
        string folder, ModelOptions? options, IProgress<LoadProgress>? progress, ModelUse use, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new ModelOptions();
        options.Validate();
        cancellation.ThrowIfCancellationRequested();
        var backend = DeviceFactory.Create(options.Device, options.Threads, options.CpuTier);
        try
        {
            return Load(backend, folder, options, progress, use, cancellation);
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }

    /// <summary>Loads onto <paramref name="backend"/>, which belongs to the model if loading succeeds.</summary>
    internal static LanguageModel Load(
        Backend backend, string folder, ModelOptions options, IProgress<LoadProgress>? progress = null, ModelUse use = ModelUse.Text,
        CancellationToken cancellation = default) =>
        Load(backend, ModelFolder.Read(folder, use), options, progress, null, cancellation);

    private static LanguageModel Load(
        Backend backend, ModelFolder files, ModelOptions options, IProgress<LoadProgress>? progress, LanguageModel? target,
            CancellationToken cancellation)
    {
        if (options.ContextLength > files.Spec.PositionLimit)
            throw new ArgumentException(
                $"options: ContextLength must be at most {files.Spec.PositionLimit}, the positions that the model has, got "
                + $"{options.ContextLength}.", nameof(options));
        options = options with { KvCache = options.KvCache.For(files.Folder) };
        using var checkpoint = Checkpoint.Open(files.Folder);
        Action<long, long>? report = progress is null ? null : (bytes, total) => progress.Report(new LoadProgress(bytes, total));
        var threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        var (corrected, found) = files.Plan(checkpoint);
        files = corrected;
        var plan = found.Weights;
        MatrixFormat[] formats = [.. plan.Matrices.Select(matrix => options.Weights.Of(matrix, checkpoint)).Distinct()];
        if (options.Activations == ActivationFormat.Auto)
            options = options with
            {
                Activations = ActivationChoices.Find(files.Folder, checkpoint, options.Weights, backend, options.ActivationChoices)
                    ?? ActivationFormat.F32,
            };
        if (target is null && options.Activations == ActivationFormat.BF16 && !formats.Contains(MatrixFormat.BF16))
            throw new ArgumentException(
                $"options: Activations BF16 need weights in BF16, found none in {files.Folder} (choose WeightFormat BF16, or "
                    + "Activations F32).",
                nameof(options));
        var tokenizer = Task.Factory.StartNew(
            files.LoadTokenizer, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var warmUp = WarmUp.Start(backend, files, plan, checkpoint, options);
        ModelWeights? weights = null;
        try
        {
            weights = WeightLoader.Load(backend, checkpoint, plan, options.Weights, threads, report, cancellation);
            var fingerprint = ModelFingerprint.Of(files.Folder, checkpoint, options.Weights, options.KvCache.Compression, backend);
            return new LanguageModel(backend, files, tokenizer.GetAwaiter().GetResult(), weights, options, target, warmUp)
            {
                Fingerprint = fingerprint,
                MatrixFormats = formats,
            };
        }
        catch
        {
            weights?.Dispose();
            warmUp?.Wait();
            throw;
        }
    }

    /// <summary>Creates a conversation or text of its own.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory for another.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public Session NewSession() => NewSession(new SessionOptions());

    /// <summary>Creates a conversation or text of its own.</summary>
    /// <param name="options">How.</param>
    /// <inheritdoc cref="NewSession()" path="/exception"/>
    public Session NewSession(SessionOptions options) => NewSession(options, "text_completion");

    /// <summary>Creates a session whose generations are called <paramref name="operation"/> where a listener watches them.</summary>
    internal Session NewSession(SessionOptions options, string operation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ThrowIfDisposed();
        options.Validate();
        return new Session(this, options) { Operation = operation };
    }

    /// <summary>
    /// The runner of the model in <paramref name="folder"/>, on the same device, which proposes tokens for this one; loaded once, and
    /// disposed with this model.
    /// </summary>
    /// <param name="folder">Where it is.</param>
    /// <param name="quantized">Whether it is kept in 8 bits where that is faster and this one is kept as stored.</param>
    /// <exception cref="CheckpointException">A file is missing or malformed, or the model has other tokens.</exception>
    internal ModelRunner OpenDraft(string folder, bool quantized) => OpenBeside(folder, quantized).Runner;

    /// <summary>Draft heads for this model, on its device; loaded once, and disposed with it.</summary>
    /// <param name="kind">Which kind; null for whichever the folder holds.</param>
    /// <param name="name">The drafter's name, by which heads are looked for.</param>
    /// <param name="folder">Where they are; null to look for them.</param>
    /// <param name="quantized">Whether they are kept in 8 bits where that is faster and this model is kept as stored.</param>
    /// <returns>Null where none are found.</returns>
    /// <exception cref="CheckpointException">They are of another kind or for another model, or a file is malformed.</exception>
    internal DraftHeads? OpenHeads(HeadKind? kind, string name, string? folder, bool quantized)
    {
        lock (_draftsGate)
        {
            ThrowIfDisposed();
            folder ??= _headLoader.Find(name);
            if (folder is null) return null;
            quantized &= Backend.PrefersEightBits;
            if (_heads.TryGetValue((kind, folder, quantized), out var heads)) return heads;
            heads = _headLoader.Load(kind, folder, quantized, ContextLength, Runner.Gate);
            _heads.Add((kind, folder, quantized), heads);
            return heads;
        }
    }

    /// <summary>What draft heads for this model say that they were made for.</summary>
    /// <exception cref="CheckpointException">The model's files have gone.</exception>
    internal byte[] HeadFingerprint()
    {
        lock (_draftsGate) return _headLoader.Fingerprint();
    }

    /// <summary>The model in <paramref name="folder"/> as its own model on the same device, with the same tokens.</summary>
    /// <inheritdoc cref="OpenDraft"/>
    internal LanguageModel OpenBeside(string folder, bool quantized = false)
    {
        lock (_draftsGate)
        {
            ThrowIfDisposed();
            if (_drafts.TryGetValue((folder, quantized), out var draft)) return draft;
            var files = ModelFolder.Read(folder, ModelUse.Text);
            if (files.Spec.VocabularySize != VocabularySize)
                throw new CheckpointException(
                    $"{folder}: a draft model must have the model's {VocabularySize} tokens, got {files.Spec.VocabularySize}.");
            var options = Options with
            {
                ContextLength = Math.Min(ContextLength, files.Spec.ContextLength),
                KvCache = new KvCacheOptions { Type = Options.KvCache.Type, SharedTokens = 0 },     // short-lived: not compressed
            };
            if (quantized && Backend.PrefersEightBits && options.WeightFormat == WeightFormat.AsStored)
                options = options with { WeightFormat = WeightFormat.Q8, Activations = ActivationFormat.Int8 };
            if (Tokenizer is not null && files.LoadTokenizer() is { } tokenizer && !Tokenizer.HasTokensOf(tokenizer))
                throw new CheckpointException($"{folder}: a draft model must have the model's tokenizer, got another one.");
            draft = Load(Backend, files, options, null, this, CancellationToken.None);
            _drafts.Add((folder, quantized), draft);
            WarmUp.RunTrees(this);
            return draft;
        }
    }

    /// <summary>Throws where the model was disposed.</summary>
    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);

    /// <summary>Frees the weights and the device, after the pass that runs. Sessions may be disposed before or after.</summary>
    public void Dispose()
    {
        Free(wait: true);
        GC.SuppressFinalize(this);
    }

    private void Free(bool wait)
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        if (Scheduler is null) return;      // the constructor has failed
        Scheduler.Dispose();
        DraftContext.Clear();
        NGrams.Dispose();
        lock (_draftsGate)
        {
            foreach (var draft in _drafts.Values) draft.Dispose();
            foreach (var heads in _heads.Values) heads.Dispose();
        }
        Prefixes?.Dispose();
        Runner.Dispose();
        _weights.Dispose();
        if (wait) _warmUp?.Wait();
        if (_target is null) Backend.Dispose();
    }

    /// <summary>Rows of a pass at most; a text of an encoder must fit one.</summary>
    private int PassRows(ModelOptions options) =>
        Spec.IsEncoder ? Math.Max(options.PrefillChunk, ContextLength) : options.PrefillChunk;

    /// <summary>
    /// Tokens in the pages of an encoder: for the texts of the pass that runs and, as theirs are given back later, of the one before it;
    /// the last page of each is not full.
    /// </summary>
    private long EncoderTokens(ModelOptions options) => 2 * (PassRows(options) + (long)options.MaxSequences * KvLayout.PageSize);

    /// <summary>
    /// Tokens in the pages that all sessions share: what the options say, or eight contexts as far as they take no more than a third of the
    /// memory.
    /// </summary>
    private long SharedTokens(ModelOptions options)
    {
        if (Spec.IsEncoder) return EncoderTokens(options);
        if (options.KvCache.Compression?.PrefillExact == true) return 0;        // blocks that follow a history are shared with none
        if (options.KvCache.SharedTokens >= 0) return options.KvCache.SharedTokens;
        var geometry = new KvGeometry(Spec.KvLayers, Spec.KvHeads, Spec.HeadDim, options.KvCache.Type);
        var affordable = (long)(Backend.AvailableBytes / 3 / Math.Max(KvBytes.OfToken(options.KvCache, geometry), 1));
        var whole = ContextLength + ModelRunner.TreeNodes + KvLayout.PageSize;
        return Math.Clamp(DefaultContexts * (long)whole, whole, Math.Clamp(affordable, whole, int.MaxValue));
    }
}
