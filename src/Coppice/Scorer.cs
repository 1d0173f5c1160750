using Coppice.Cache;
using Coppice.Decoding;
using Coppice.Decoding.Sampling;
using Coppice.Kernels.Memory;
using Coppice.Models;

namespace Coppice;

/// <summary>Receives logits of consecutive positions.</summary>
/// <param name="firstPosition">Position of the first row.</param>
/// <param name="logits">[rows, vocabulary]; valid during the call.</param>
internal delegate void LogitsReceiver(int firstPosition, ReadOnlySpan<float> logits);

/// <summary>Runs given tokens through a model: logits and likelihoods at every position, in passes of bounded size.</summary>
/// <remarks>Owns a cache and a workspace. One call at a time.</remarks>
internal sealed class Scorer : IDisposable
{
    private readonly LanguageModel _model;
    private readonly KvCache _cache;
    private readonly MemoryPool _cachePool;
    private readonly Workspace _workspace;
    private readonly ForwardBatch _batch;
    private readonly int[] _rows;
    private readonly float[] _logits;

    /// <summary>A scorer for texts of at most <paramref name="maxTokens"/> tokens.</summary>
    /// <exception cref="ArgumentException">The model has room for fewer.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory.</exception>
    public Scorer(LanguageModel model, int maxTokens)
    {
        if (maxTokens < 1 || maxTokens > model.MaxTokens)
            throw new ArgumentException($"scorer: 1..{model.MaxTokens:N0} tokens fit the model, got {maxTokens:N0} (raise ModelOptions.MaxTokens).", nameof(maxTokens));
        _model = model;
        (_cache, _cachePool) = model.NewCache(maxTokens);
        try
        {
            _workspace = new Workspace(model.Backend, model.Spec, model.Size);
        }
        catch
        {
            _cache.Dispose();
            _cachePool.Dispose();
            throw;
        }
        MaxTokens = maxTokens;
        _batch = new ForwardBatch(model.Size, model.MaxTokens);
        _rows = new int[model.Size.LogitRows];
        _logits = new float[(long)model.Size.LogitRows * model.VocabularySize];
    }

    /// <summary>Longest text.</summary>
    public int MaxTokens { get; }
    /// <summary>Memory of keys and values.</summary>
    public long KvBytes => _cache.BytesInUse;
    /// <summary>Memory of intermediate results.</summary>
    public long WorkspaceBytes => _workspace.BytesInUse;

    /// <summary>Logits at every position of <paramref name="ids"/> in one context, in order.</summary>
    /// <exception cref="ArgumentException">No token, too many, or an id outside the vocabulary.</exception>
    public void Logits(ReadOnlySpan<int> ids, LogitsReceiver receive, CancellationToken cancellationToken = default)
    {
        if (ids.IsEmpty || ids.Length > MaxTokens) throw new ArgumentException($"scorer: 1..{MaxTokens:N0} tokens fit, got {ids.Length:N0}.", nameof(ids));
        PromptCheck.Ids(ids, _model.VocabularySize);
        var beyond = _model.Spec.LongPositionsFrom is { } border && ids.Length > border;
        _cache.Truncate(0);
        while (_cache.Length < ids.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = Math.Min(_model.Size.Rows, ids.Length - _cache.Length);
            lock (_model.Gate)
            {
                _batch.Clear();
                _batch.Add(_cache, ids.Slice(_cache.Length, count), beyond);
                _model.Transformer.Forward(_batch, _workspace);
                for (var first = 0; first < count; first += _rows.Length) Receive(first, Math.Min(_rows.Length, count - first), receive);
            }
            _cache.Advance(count);
        }
    }

    /// <summary>-ln p of tokens 1 … n - 1 of <paramref name="ids"/>, in nats.</summary>
    /// <param name="ids">At least two tokens.</param>
    /// <param name="window">A fresh context after so many tokens, whose first token is not scored; null for one context.</param>
    /// <param name="cancellationToken">Takes effect between passes.</param>
    public IReadOnlyList<double> NegativeLogLikelihoods(IReadOnlyList<int> ids, int? window = null, CancellationToken cancellationToken = default)
    {
        int[] all = [.. ids];
        var size = window ?? all.Length;
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 2, nameof(window));
        var vocabulary = _model.VocabularySize;
        var results = new List<double>(all.Length);
        for (var start = 0; start + 1 < all.Length; start += size)
        {
            var text = all.AsMemory(start, Math.Min(size, all.Length - start));
            Logits(text.Span, (first, logits) =>
            {
                for (var i = 0; i < logits.Length / vocabulary && first + i + 1 < text.Length; i++)
                {
                    var row = logits.Slice(i * vocabulary, vocabulary);
                    results.Add(LogProbabilities.LogSum(row) - row[text.Span[first + i + 1]]);
                }
            }, cancellationToken);
        }
        return results;
    }

    /// <summary>Frees cache and workspace.</summary>
    public void Dispose()
    {
        lock (_model.Gate)
        {
            _workspace.Dispose();
            _cache.Dispose();
            _cachePool.Dispose();
        }
    }

    private void Receive(int first, int count, LogitsReceiver receive)
    {
        for (var i = 0; i < count; i++) _rows[i] = first + i;
        var logits = _model.Transformer.Logits(_workspace, _rows.AsSpan(0, count));
        var host = _logits.AsSpan(0, count * _model.VocabularySize);
        _model.Backend.Download(logits, host);
        receive(_cache.Length + first, host);
    }
}
