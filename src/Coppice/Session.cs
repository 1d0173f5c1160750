using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using Coppice.Cache;
using Coppice.Decoding;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Kernels.Memory;
using Coppice.Models;
using Coppice.Text;
using Coppice.Text.Files;

namespace Coppice;

/// <summary>One text or conversation: generates, and keeps keys and values for the next call.</summary>
/// <remarks>
/// Every call gets the whole prompt; what it shares with the tokens of the session from the beginning on is not computed again, and the result
/// does not depend on that. One generation at a time; different sessions may run at the same time. Not thread-safe beyond that.
/// </remarks>
public sealed class Session : IDisposable
{
    private readonly LanguageModel _model;
    private readonly KvCache _cache;
    private readonly MemoryPool _cachePool;
    private readonly Workspace _workspace;
    private readonly DecodingLoop _loop;
    private (DrafterOptions Options, Drafter Drafter) _drafter = (DrafterOptions.None, new NoDrafter());
    private bool _running, _disposed;

    internal Session(LanguageModel model)
    {
        _model = model;
        (_cache, _cachePool) = model.NewCache(model.MaxTokens);
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
        _loop = new DecodingLoop(model.Transformer, model.Gate, _cache, _workspace, model.MaxTokens, model.MaxTokens, model.PassCosts);
    }

    /// <summary>Prompt and generated tokens so far.</summary>
    public IReadOnlyList<int> Tokens => _loop.Tokens.ToArray();
    /// <summary>What the last generation came to, also one that was cancelled; null before the first.</summary>
    public GenerationResult? LastResult { get; private set; }
    /// <summary>Memory of keys and values.</summary>
    public long KvBytes => _cache.BytesInUse;
    /// <summary>Memory of intermediate results.</summary>
    public long WorkspaceBytes => _workspace.BytesInUse;

    /// <summary>Takes the place of the drafter that the options name; belongs to whoever sets it.</summary>
    internal Drafter? Drafter { get; set; }

    /// <summary>Generates behind <paramref name="prompt"/>, which gets the special tokens that the tokenizer frames a text with.</summary>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)"/>
    public IAsyncEnumerable<GeneratedPiece> GenerateAsync(string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateAsync(Encode(prompt), options, cancellationToken);

    /// <summary>Generates behind <paramref name="prompt"/>; each token is computed on a thread of the pool when the caller asks for it.</summary>
    /// <param name="prompt">The whole prompt, at least one token.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Takes effect within one pass; what was generated stays in the session.</param>
    /// <exception cref="ArgumentException">The prompt is empty, too long or has an id outside the vocabulary, or an option is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="InvalidOperationException">The session is generating already, or the model has no tokenizer and text is asked for.</exception>
    public IAsyncEnumerable<GeneratedPiece> GenerateAsync(IReadOnlyList<int> prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        var (ids, checkedOptions) = Check(prompt, options);
        return RunAsync(ids, checkedOptions, cancellationToken);
    }

    /// <summary>The same on the calling thread.</summary>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)"/>
    public IEnumerable<GeneratedPiece> Generate(string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        Generate(Encode(prompt), options, cancellationToken);

    /// <summary>The same on the calling thread.</summary>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)"/>
    public IEnumerable<GeneratedPiece> Generate(IReadOnlyList<int> prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        var (ids, checkedOptions) = Check(prompt, options);
        return Run(ids, checkedOptions, cancellationToken);
    }

    /// <summary>Forgets all tokens. What a drafter has learned stays.</summary>
    public void Reset()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_running) throw new InvalidOperationException("session: a generation is running; end it first.");
        _loop.Reset();
    }

    /// <summary>Frees keys, values and workspace.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _drafter.Drafter.Dispose();
        lock (_model.Gate)
        {
            _workspace.Dispose();
            _cache.Dispose();
            _cachePool.Dispose();
        }
    }

    /// <inheritdoc cref="DecodingLoop.TimePass"/>
    internal TimeSpan TimePass(int rows) => _loop.TimePass(rows);

    private int[] Encode(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        if (_model.Tokenizer is null) throw new InvalidOperationException($"session: the model's folder has none of {TokenizerFolder.Names}; pass token ids instead of text.");
        return _model.Tokenizer.Encode(prompt);
    }

    private (int[] Ids, GenerationOptions Options) Check(IReadOnlyList<int> prompt, GenerationOptions? options)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(prompt);
        options ??= new GenerationOptions();
        options.Validate();
        if (options.StopSequences.Count > 0 && _model.Tokenizer is null)
            throw new ArgumentException($"options: StopSequences need a tokenizer, but the model's folder has none of {TokenizerFolder.Names}.", nameof(options));
        int[] ids = [.. prompt];
        PromptCheck.Run(ids, _model.VocabularySize, _model.MaxTokens);
        return (ids, options);
    }

    /// <summary>The drafter of <paramref name="options"/>: the one of the generation before, with what it learned, where the options are the same.</summary>
    private Drafter DrafterOf(DrafterOptions options)
    {
        if (Drafter is { } given) return given;
        if (options != _drafter.Options)
        {
            var drafter = options.Create(_model.DraftContext);
            _drafter.Drafter.Dispose();
            _drafter = (options, drafter);
        }
        return _drafter.Drafter;
    }

    private async IAsyncEnumerable<GeneratedPiece> RunAsync(int[] prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var pieces = Run(prompt, options, cancellationToken).GetEnumerator();
        while (await Task.Run(pieces.MoveNext, CancellationToken.None).ConfigureAwait(false)) yield return pieces.Current;
    }

    private IEnumerable<GeneratedPiece> Run(int[] prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_running) throw new InvalidOperationException("session: a generation is running; end it first, or use another session.");
        var drafter = DrafterOf(options.Drafter);
        _running = true;
        var recorder = new GenerationRecorder(_loop, prompt.Length);
        try
        {
            var stop = new StopRule(options.MaxTokens, options.IgnoreEos ? [] : _model.EndTokenIds);
            var text = new TextStream(_model.Tokenizer, options);
            var repeatable = !options.Drafter.DrawsProposals || options.Temperature == 0;      // whether resting, which depends on times, changes nothing
            var guard = Drafter is null && options.Drafter.Guarded && repeatable ? new SpeculationGuard() : null;
            _loop.Begin(prompt, new DecodingOptions(options.CreateSampler(), drafter, stop, options.LogProbs, options.Drafter.Acceptance, guard));
            while (recorder.FinishReason is null)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _loop.Step();
                for (var i = 0; i < _loop.Emitted.Count && recorder.FinishReason is null; i++)
                {
                    var last = i == _loop.Emitted.Count - 1 && _loop.Finished is not null;
                    var piece = new GeneratedPiece(text.Append(_loop.Emitted[i], last), _loop.Emitted[i], options.LogProbs is null ? null : _loop.LogProbs[i]);
                    recorder.Add(piece, text.StopFound ? FinishReason.Stop : last ? _loop.Finished : null);
                    yield return piece;
                }
            }
        }
        finally
        {
            LastResult = recorder.Result();
            _running = false;
        }
    }
}
