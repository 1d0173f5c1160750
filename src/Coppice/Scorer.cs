using System.Collections.Concurrent;
using Coppice.Decoding;
using Coppice.Decoding.Sampling;
using Coppice.Execution;

namespace Coppice;

/// <summary>Receives logits of consecutive positions.</summary>
/// <param name="firstPosition">Position of the first row.</param>
/// <param name="logits">[rows, vocabulary]; valid during the call.</param>
public delegate void LogitsReceiver(int firstPosition, ReadOnlySpan<float> logits);

/// <summary>A text to be scored.</summary>
/// <param name="Prompt">Tokens in front of it, which are not scored; may be empty, and then the text's first token is not scored
/// either.</param>
/// <param name="Text">Tokens to be scored, at least one.</param>
public readonly record struct ScoredText(IReadOnlyList<int> Prompt, IReadOnlyList<int> Text);

/// <summary>Runs given tokens through a model: logits and log-probabilities at every position.</summary>
/// <remarks>Passes are shared with sessions and other scorers of the model. Thread-safe; each text that is scored at the same time has a
/// cache of its own.</remarks>
public sealed partial class Scorer : IDisposable
{
    private const int LogitBlock = 96;

    private readonly LanguageModel _model;
    private readonly ConcurrentBag<Sequence> _sequences = [];
    private readonly int _parallel;
    private long _kvBytes;
    private int _disposed;

    /// <summary>Creates a scorer.</summary>
    /// <param name="model">The model; belongs to the caller.</param>
    /// <param name="maxTokens">Tokens of the longest text, prompt included; null for the model's context.</param>
    /// <exception cref="ArgumentException">The model has room for fewer.</exception>
    public Scorer(LanguageModel model, int? maxTokens = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        MaxTokens = maxTokens ?? model.ContextLength;
        if (MaxTokens < 1 || MaxTokens > model.ContextLength)
            throw new ArgumentException(
                $"scorer: 1..{model.ContextLength:N0} tokens fit the model, got {MaxTokens:N0} (raise "
                + "ModelOptions.ContextLength).", nameof(maxTokens));
        _model = model;
        _parallel = Math.Min(model.Options.MaxSequences, 32);
    }

    /// <summary>Longest text.</summary>
    public int MaxTokens { get; }
    /// <summary>Bytes of memory that keys and values of the longest text so far took.</summary>
    public long KvBytes => Volatile.Read(ref _kvBytes);
    /// <summary>Bytes of memory for intermediate results, which the model shares with its sessions.</summary>
    public long WorkspaceBytes => _model.Runner.WorkspaceBytes;

    /// <summary>Logits at every position of <paramref name="ids"/> in one context, in order, on the calling thread.</summary>
    /// <exception cref="ArgumentException">No token, too many, or an id outside the vocabulary.</exception>
    /// <exception cref="DeviceMemoryException">The text can never fit the memory of keys and values, or the device has none
    /// left.</exception>
    /// <exception cref="ModelBusyException">As many requests wait as the model takes.</exception>
    /// <exception cref="ObjectDisposedException">The scorer or the model was disposed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Logits(ReadOnlySpan<int> ids, LogitsReceiver receive, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(receive);
        Check(ids);
        cancellationToken.ThrowIfCancellationRequested();
        var sequence = Rent(ids, promptLength: 0);
        var rows = Math.Min(Math.Min(LogitBlock, _model.Runner.Size.LogitRows), ids.Length);
        var work = new LogitsWork(_model.Scheduler, sequence, new float[(long)rows * _model.VocabularySize], _model.VocabularySize);
        try
        {
            using var registration = cancellationToken.UnsafeRegister(Cancel, work);
            while (!work.IsAtEnd())
            {
                work.Wait();
                if (!work.TryRead(out var first, out var block)) continue;
                receive(first, block);
                work.Next();
            }
        }
        finally
        {
            _model.Scheduler.Withdraw(work);
            Return(sequence);
        }
    }

    /// <summary>-ln p of tokens 1 … n - 1 of <paramref name="ids"/>, in nats.</summary>
    /// <param name="ids">At least two tokens.</param>
    /// <param name="window">Tokens of a context: after them a fresh one begins, whose first token is not scored; null for one
    /// context.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <inheritdoc cref="Logits" path="/exception"/>
    public IReadOnlyList<double> NegativeLogLikelihoods(
        IReadOnlyList<int> ids, int? window = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ids);
        int[] all = [.. ids];
        if (all.Length < 2) throw new ArgumentException($"scorer: at least 2 tokens must be there, got {all.Length}.", nameof(ids));
        var size = window ?? all.Length;
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 2, nameof(window));
        var results = new List<double>(all.Length);
        for (var start = 0; start + 1 < all.Length; start += size)
        {
            var scores = LogProbabilities(new ScoredText([], all[start..Math.Min(start + size, all.Length)]), cancellationToken);
            results.AddRange(scores.Select(score => -score));
        }
        return results;
    }

    /// <summary>ln p of each token of a text after its prompt, in nats; where there is no prompt, of all tokens but the first.</summary>
    /// <param name="text">What to score.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <inheritdoc cref="Logits" path="/exception"/>
    public IReadOnlyList<double> LogProbabilities(ScoredText text, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var (sequence, work, scores) = Begin(text);
        if (work is null) return scores;
        try
        {
            using var registration = cancellationToken.UnsafeRegister(Cancel, work);
            while (!work.IsAtEnd()) work.Wait();
            return scores;
        }
        finally
        {
            _model.Scheduler.Withdraw(work);
            Return(sequence!);
        }
    }

    /// <summary>The same for many texts at once, whose rows share passes.</summary>
    /// <param name="texts">What to score.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <returns>In the order of <paramref name="texts"/>.</returns>
    /// <inheritdoc cref="Logits" path="/exception"/>
    public async Task<IReadOnlyList<IReadOnlyList<double>>> LogProbabilitiesAsync(
        IReadOnlyList<ScoredText> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        foreach (var text in texts) Check(Ids(text));
        using var places = new SemaphoreSlim(_parallel);
        var scores = new IReadOnlyList<double>[texts.Count];
        await Task.WhenAll(Enumerable.Range(0, texts.Count).Select(async i =>
        {
            await places.WaitAsync(cancellationToken).ConfigureAwait(false);
            try { scores[i] = await ScoreAsync(texts[i], cancellationToken).ConfigureAwait(false); }
            finally { places.Release(); }
        })).ConfigureAwait(false);
        return scores;
    }

    /// <summary>Hidden states at every position of <paramref name="ids"/> in one context, for whoever trains on them.</summary>
    /// <param name="ids">The text.</param>
    /// <param name="layers">At least one of <see cref="Models.HiddenLayer"/>, each once.</param>
    /// <param name="receive">Gets them in blocks; a block may come twice, with the same bits.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <inheritdoc cref="Logits" path="/exception"/>
    internal void States(
        ReadOnlySpan<int> ids, ReadOnlyMemory<int> layers, StatesReceiver receive, CancellationToken cancellationToken = default)
    {
        Check(ids);
        cancellationToken.ThrowIfCancellationRequested();
        var sequence = Rent(ids, promptLength: 0);
        var work = new StatesWork(_model.Scheduler, sequence, layers, receive);
        try
        {
            using var registration = cancellationToken.UnsafeRegister(Cancel, work);
            while (!work.IsAtEnd()) work.Wait();
        }
        finally
        {
            _model.Scheduler.Withdraw(work);
            Return(sequence);
        }
    }

    /// <summary>Frees the caches. What is being scored goes on to its end.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        FreeAll();
    }

    private void FreeAll()
    {
        while (_sequences.TryTake(out var sequence)) sequence.Dispose();
    }

    private static void Cancel(object? work, CancellationToken token) => ((ScheduledWork)work!).Stop(new OperationCanceledException(token));

    private async Task<IReadOnlyList<double>> ScoreAsync(ScoredText text, CancellationToken cancellationToken)
    {
        var (sequence, work, scores) = Begin(text);
        if (work is null) return scores;
        work.IsAsynchronous = true;
        try
        {
            await using var registration = cancellationToken.UnsafeRegister(Cancel, work).ConfigureAwait(false);
            while (!work.IsAtEnd()) await work.WaitAsync().ConfigureAwait(false);
            return scores;
        }
        finally
        {
            await _model.Scheduler.WithdrawAsync(work).ConfigureAwait(false);
            Return(sequence!);
        }
    }

    /// <summary>The last token is scored by the row in front of it and need not run.</summary>
    private (Sequence? Sequence, RowsWork? Work, double[] Scores) Begin(ScoredText text)
    {
        var ids = Ids(text);
        Check(ids);
        var first = Math.Max(text.Prompt.Count, 1);
        var scores = new double[ids.Length - first];
        if (scores.Length == 0) return (null, null, scores);
        var sequence = Rent(ids.AsSpan(0, ids.Length - 1), text.Prompt.Count);
        var work = new RowsWork(_model.Scheduler, sequence, first - 1, _model.VocabularySize, (position, logits) =>
            scores[position + 1 - first] = logits[ids[position + 1]] - Decoding.Sampling.LogProbabilities.LogSum(logits));
        return (sequence, work, scores);
    }

    private static int[] Ids(ScoredText text)
    {
        ArgumentNullException.ThrowIfNull(text.Prompt);
        ArgumentNullException.ThrowIfNull(text.Text);
        return [.. text.Prompt, .. text.Text];
    }

    private void Check(ReadOnlySpan<int> ids)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        _model.ThrowIfDisposed();
        if (ids.IsEmpty || ids.Length > MaxTokens)
            throw new ArgumentException($"scorer: 1..{MaxTokens:N0} tokens fit, got {ids.Length:N0}.", nameof(ids));
        PromptCheck.Ids(ids, _model.VocabularySize);
        _model.Runner.RequireRoom(ids.Length);
    }

    private static void InterlockedMax(ref long place, long value)
    {
        for (var found = Volatile.Read(ref place); value > found; found = Volatile.Read(ref place))
        {
            if (Interlocked.CompareExchange(ref place, value, found) == found) return;
        }
    }

    /// <summary>A sequence of tokens, of which the first <paramref name="promptLength"/> are seen as a prompt.</summary>
    private Sequence Rent(ReadOnlySpan<int> ids, int promptLength)
    {
        if (!_sequences.TryTake(out var sequence)) sequence = new Sequence(_model.Runner);
        sequence.Begin(ids, DecodingOptions.Nothing, promptLength: promptLength);
        return sequence;
    }

    private void Return(Sequence sequence)
    {
        _model.Scheduler.Take(sequence);
        InterlockedMax(ref _kvBytes, sequence.Cache.BytesInUse);
        sequence.Clear();
        _model.Scheduler.Put(sequence, parks: false);
        _sequences.Add(sequence);
        if (Volatile.Read(ref _disposed) != 0) FreeAll();       // a dispose that came meanwhile may not have seen it
    }
}
