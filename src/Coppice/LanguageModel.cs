using Coppice.Cache;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Text;
using Coppice.Weights;

namespace Coppice;

/// <summary>A model loaded from a folder in the layout of Hugging Face: weights on a device, and sessions that use them.</summary>
/// <remarks>Thread-safe. Sessions are independent of each other and may run at the same time; their passes take turns on the device. Dispose sessions before the model.</remarks>
public sealed class LanguageModel : IDisposable
{
    private const int DefaultMaxTokens = 8192;
    private const int TreeRows = 96, TreeDepth = 31;
    private const long LogitBytes = 64L << 20;
    private const int PoolSlack = 512;      // a page table begins and ends at a multiple of the pool's alignment

    private readonly ModelWeights _weights;
    private readonly RopeTables _ropes;
    private readonly KvPagePool? _pages;
    private readonly MemoryPool? _pagePool;
    private readonly Dictionary<(string Folder, bool Quantized), LanguageModel> _drafts = [];
    private readonly LanguageModel? _target;
    private bool _disposed;

    /// <summary>A model of <paramref name="weights"/>, which belong to it from now on, as does <paramref name="backend"/> unless there is a <paramref name="target"/>.</summary>
    internal LanguageModel(Backend backend, ModelFolder files, Tokenizer? tokenizer, ModelWeights weights, ModelOptions options, LanguageModel? target)
    {
        var spec = files.Spec;
        (Backend, Spec, _weights, Defaults, Options, Folder) = (backend, spec, weights, files.Defaults, options, files.Folder);
        Tokenizer = tokenizer;
        _target = target;
        Gate = target?.Gate ?? new Lock();
        MaxTokens = Math.Max(options.MaxTokens ?? Math.Min(spec.ContextLength, DefaultMaxTokens), 2);
        Size = Sizes(spec, options.PrefillChunk);
        Geometry = new KvGeometry(spec.Layers.Count, spec.KvHeads, spec.HeadDim, options.KvCache.Type);
        DraftContext = new DraftContext(tokenizer, OpenDraft)
        {
            VocabularySize = spec.VocabularySize,
            MaxTokens = MaxTokens,
            HiddenSize = spec.HiddenSize,
            Folder = files.Folder,
        };
        _ropes = new RopeTables(backend, spec, MaxTokens);
        try
        {
            Transformer = new Transformer(backend, spec, weights, _ropes);
            if (options.KvCache.SharedTokens == 0) return;
            var pages = KvLayout.Pages(options.KvCache.SharedTokens);
            _pagePool = backend.CreatePool("kv", KvPagePool.Bytes(backend, Geometry, pages) + PoolSlack);
            _pages = new KvPagePool(_pagePool, Geometry, pages);
        }
        catch
        {
            _pagePool?.Dispose();
            _ropes.Dispose();
            throw;
        }
    }

    /// <summary>Tokens that fit a session, prompt and generated.</summary>
    public int MaxTokens { get; }
    /// <summary>Entries of the vocabulary: ids are below it.</summary>
    public int VocabularySize => Spec.VocabularySize;
    /// <summary>What turns text into ids; null where the folder has no tokenizer.</summary>
    public Tokenizer? Tokenizer { get; }
    /// <summary>Tokens that end a text, as the folder says; may be none.</summary>
    public IReadOnlyList<int> EndTokenIds => Defaults.EndIds;
    /// <summary>What computes, in words.</summary>
    public string DeviceName => Backend.Name;
    /// <summary>Memory of the weights.</summary>
    public long WeightBytes => _weights.Pool!.Statistics.BytesInUse;

    internal string Folder { get; }
    internal Backend Backend { get; }
    internal ModelSpec Spec { get; }
    internal Transformer Transformer { get; }
    internal GenerationDefaults Defaults { get; }
    internal ModelOptions Options { get; }
    internal WorkspaceSize Size { get; }
    internal KvGeometry Geometry { get; }
    /// <summary>What drafters may know of this model.</summary>
    internal DraftContext DraftContext { get; }
    /// <summary>Times of decoding passes on this device; used while <see cref="Gate"/> is taken.</summary>
    internal PassCosts PassCosts { get; } = new();
    /// <summary>Taken for each pass: a back end is single-threaded.</summary>
    internal Lock Gate { get; }

    /// <summary>Loads the model in <paramref name="folder"/>.</summary>
    /// <param name="folder">A folder with config.json, safetensors and, where text is wanted, tokenizer files.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="progress">Told of progress, from any thread.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or there is no device of that name.</exception>
    /// <exception cref="CheckpointException">A file is missing, malformed or contradicts another.</exception>
    /// <exception cref="UnsupportedModelException">The model asks for what the engine has not.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory.</exception>
    /// <exception cref="PlatformNotSupportedException">The device is not on this machine.</exception>
    public static LanguageModel Load(string folder, ModelOptions? options = null, IProgress<LoadProgress>? progress = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new ModelOptions();
        options.Validate();
        var backend = DeviceFactory.Create(options.Device, options.Threads, options.CpuTier);
        try
        {
            return Load(backend, folder, options, progress);
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }

    /// <summary>Loads onto <paramref name="backend"/>, which belongs to the model if loading succeeds.</summary>
    internal static LanguageModel Load(Backend backend, string folder, ModelOptions options, IProgress<LoadProgress>? progress = null) =>
        Load(backend, ModelFolder.Read(folder), options, progress, null);

    private static LanguageModel Load(Backend backend, ModelFolder files, ModelOptions options, IProgress<LoadProgress>? progress, LanguageModel? target)
    {
        if (options.MaxTokens > files.Spec.PositionLimit)
            throw new ArgumentException($"options: MaxTokens must be at most {files.Spec.PositionLimit}, the positions that the model has, got {options.MaxTokens}.", nameof(options));
        using var checkpoint = Checkpoint.Open(files.Folder);
        Action<long, long>? report = progress is null ? null : (bytes, total) => progress.Report(new LoadProgress(bytes, total));
        var threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        var plan = WeightLoader.Plan(checkpoint, files.Spec, files.Map);
        var tokenizer = Task.Factory.StartNew(files.LoadTokenizer, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        WarmUp.Start(backend, files, plan, checkpoint, options);
        var weights = WeightLoader.Load(backend, checkpoint, plan, options.Weights, threads, report);
        try
        {
            return new LanguageModel(backend, files, tokenizer.GetAwaiter().GetResult(), weights, options, target);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>A conversation or text of its own, with its own keys and values.</summary>
    /// <exception cref="DeviceMemoryException">The device has not enough memory for another.</exception>
    public Session NewSession()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new Session(this);
    }

    /// <summary>The model in <paramref name="folder"/>, on the same device, which proposes tokens for this one; loaded once, and disposed with this model.</summary>
    /// <param name="folder">Where it is.</param>
    /// <param name="quantized">Whether it is kept in 8 bits on the CPU where this one is kept as stored.</param>
    /// <exception cref="CheckpointException">A file is missing or malformed, or the model has other tokens.</exception>
    internal LanguageModel OpenDraft(string folder, bool quantized)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        lock (Gate)
        {
            if (_drafts.TryGetValue((folder, quantized), out var draft)) return draft;
            var files = ModelFolder.Read(folder);
            if (files.Spec.VocabularySize != VocabularySize)
                throw new CheckpointException($"{folder}: a draft model must have the model's {VocabularySize} tokens, got {files.Spec.VocabularySize}.");
            var options = Options with { MaxTokens = Math.Min(MaxTokens, files.Spec.ContextLength), KvCache = Options.KvCache with { SharedTokens = 0 } };
            if (quantized && DeviceFactory.CpuThreads(Backend) is not null && options.WeightFormat == WeightFormat.AsStored)
                options = options with { WeightFormat = WeightFormat.Q8, Activations = ActivationFormat.Int8 };
            if (Tokenizer is not null && files.LoadTokenizer() is { } tokenizer && !Tokenizer.HasTokensOf(tokenizer))
                throw new CheckpointException($"{folder}: a draft model must have the model's tokenizer, got another one.");
            draft = Load(Backend, files, options, null, this);
            _drafts.Add((folder, quantized), draft);
            WarmUp.RunTrees(this);
            return draft;
        }
    }

    /// <summary>A cache for <paramref name="tokens"/> tokens and a tree behind them, and the memory that belongs to it alone.</summary>
    internal (KvCache Cache, MemoryPool Pool) NewCache(int tokens)
    {
        var capacity = tokens + Size.TreeRows;
        var bytes = _pages is not null ? PagedKvCache.TableBytes(capacity)
            : Backend.CommitsOnWrite ? PagedKvCache.Bytes(Backend, Geometry, capacity)
            : DenseKvCache.Bytes(Geometry, capacity);
        var pool = Backend.CreatePool("kv", bytes + PoolSlack);
        try
        {
            return (_pages is not null ? new PagedKvCache(Backend, pool, _pages, capacity)
                : Backend.CommitsOnWrite ? new PagedKvCache(Backend, pool, Geometry, capacity)
                : new DenseKvCache(Backend, pool, Geometry, capacity), pool);
        }
        catch
        {
            pool.Dispose();
            throw;
        }
    }

    /// <summary>Frees the weights and the device.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (var draft in _drafts.Values) draft.Dispose();
        _pages?.Dispose();
        _pagePool?.Dispose();
        _ropes.Dispose();
        _weights.Dispose();
        if (_target is null) Backend.Dispose();
    }

    /// <summary>Passes of <paramref name="rows"/> tokens, with logits for a tree of tokens as far as they take no more than 64 MiB.</summary>
    internal static WorkspaceSize Sizes(ModelSpec spec, int rows)
    {
        var logitRows = (int)Math.Clamp(LogitBytes / (4L * spec.VocabularySize), 8, TreeRows);
        return new WorkspaceSize(Math.Max(rows, TreeRows), logitRows, TreeRows, TreeDepth + 1);
    }
}
