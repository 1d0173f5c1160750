using Coppice.Drafting;
using Coppice.Kernels;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Loading;

/// <summary>
/// Runs a miniature of a model while the model itself is read, so that the code for it is compiled by the time it is there.
/// </summary>
/// <remarks>
/// The runtime compiles a method when it is first called. For the kernels and the loop of decoding that is about 0.1 s of one thread: in
/// the first token, and again in the midst of a text when the first tree of some size comes. The miniature has the model's kinds of layers,
/// formats and head size, so it runs the same code, but only as many heads and columns as that takes. Its weights are zeros, and nothing of
/// it stays.
/// </remarks>
internal sealed class WarmUp
{
    /// <summary>Weights of a model that takes long enough to read; a smaller one is there before its code.</summary>
    private const long WorthwhileBytes = 32L << 20;
    private const int Width = 96, Tokens = 256, Prompt = 77, Generated = 24;
    private const int SmallTrees = 8;       // of the sizes below

    private static ReadOnlySpan<int> TreeSizes => [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32];

    private readonly ModelFolder _files;
    private readonly ModelOptions _options;
    private readonly WeightPlan _plan;
    private readonly MatrixFormat[] _formats;       // of the plan's matrices
    private readonly long _bytes;
    private Task? _task;

    /// <summary>
    /// Prepares the miniature of the model in <paramref name="files"/>; <paramref name="checkpoint"/>, from which it is loaded by
    /// <paramref name="plan"/>, is not needed afterwards.
    /// </summary>
    public WarmUp(Backend backend, ModelFolder files, WeightPlan plan, Checkpoint checkpoint, ModelOptions options)
    {
        _files = files with { Spec = Miniature(files.Spec) };
        _options = options with { ContextLength = Tokens, PrefillChunk = Prompt, KvCache = Small(options.KvCache) };
        _plan = plan.For(_files.Spec);
        _bytes = WeightLoader.Bytes(backend, checkpoint, _plan, options.Weights);
        _formats = [.. _plan.Matrices.Select(matrix => options.Weights.Of(matrix, checkpoint))];
    }

    /// <summary>The same for few tokens, without what belongs to the layers of the whole model.</summary>
    private static KvCacheOptions Small(KvCacheOptions options) => options with
    {
        SharedTokens = Math.Min(options.SharedTokens, 2 * Tokens),
        Compression = options.Compression is { } compression ? compression with { Calibration = null } : null,
    };

    /// <summary>
    /// Starts a warm-up on a thread of its own where it pays: a device that is given code of the runtime's, and a model that is not read at
    /// once and generates texts.
    /// </summary>
    /// <returns>The warm-up that runs, or null.</returns>
    public static WarmUp? Start(Backend backend, ModelFolder files, WeightPlan plan, Checkpoint checkpoint, ModelOptions options)
    {
        if (!backend.CompilesWhenCalled || checkpoint.Bytes < WorthwhileBytes || files.Spec.IsEncoder) return null;
        var warmUp = new WarmUp(backend, files, plan, checkpoint, options);
        warmUp._task = Task.Factory.StartNew(warmUp.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return warmUp;
    }

    /// <summary>What made it fail; null where nothing did, or while it runs.</summary>
    public Exception? Error => _task?.Exception?.InnerException;

    /// <summary>Waits until it has ended, well or not.</summary>
    public void Wait() => _task?.ContinueWith(static _ => { }, TaskScheduler.Default).GetAwaiter().GetResult();

    /// <summary>Generates with drafts, and runs trees of the sizes for which there is code.</summary>
    public void Run()
    {
        using var model = Build();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = Generated, IgnoreEos = true, Drafter = AutoDrafterOptions.WithoutHeads };
        foreach (var _ in session.Generate(new int[Prompt], options)) { }
        foreach (var rows in TreeSizes) session.TimePass(rows);
    }

    /// <summary>Runs small trees on a model that was too small for a rehearsal, before the first drafts for it.</summary>
    public static void RunTrees(LanguageModel model)
    {
        if (!model.Backend.CompilesWhenCalled || model.WeightBytes >= WorthwhileBytes) return;
        using var session = model.NewSession();
        foreach (var rows in TreeSizes[..SmallTrees])
        {
            if (rows <= model.ContextLength) session.TimePass(rows);        // deeper nodes have no positions
        }
    }

    /// <summary>A model of the same code and as little else as possible.</summary>
    internal static ModelSpec Miniature(ModelSpec spec)
    {
        var kinds = spec.Layers.Distinct().Count();
        var layers = Enumerable.Range(1, spec.Layers.Count).First(count => spec.Layers.Take(count).Distinct().Count() == kinds);
        return spec with
        {
            VocabularySize = Width,
            HiddenSize = Width,
            QueryHeads = Math.Max(spec.QueryHeads / spec.KvHeads, 1),
            KvHeads = 1,
            MlpSize = Width,
            ContextLength = Tokens,
            Layers = [.. spec.Layers.Take(layers)],
            LearnedPositions = Math.Min(spec.LearnedPositions, Tokens),
            Experts = spec.Experts is { } experts ? experts with { MlpSize = Width } : null,
        };
    }

    private LanguageModel Build()
    {
        var backend = DeviceFactory.Create("cpu", 1, _options.CpuTier);
        try
        {
            FillWithZeros(backend);
            return new LanguageModel(backend, _files, null, _plan.Weights, _options, null);
        }
        catch
        {
            _plan.Weights.Dispose();
            backend.Dispose();
            throw;
        }
    }

    private void FillWithZeros(Backend backend)
    {
        var weights = _plan.Weights;
        weights.Pool = backend.CreatePool("rehearsal", _bytes);
        foreach (var vector in _plan.Vectors) weights.Store(backend, vector, new float[vector.Length]);
        foreach (var (matrix, format) in _plan.Matrices.Zip(_formats))
            weights.Create(backend, matrix, format, _options.Weights).Write(
                0, new byte[2 * matrix.Outputs * matrix.Inputs], ElementType.BF16);
    }
}
