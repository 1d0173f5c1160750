using System.Runtime.CompilerServices;
using Coppice.Constraints;
using Coppice.Decoding;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Sampling;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Observability;
using Coppice.Text.Files;

namespace Coppice;

/// <summary>One text or conversation: generates, and keeps keys and values for the next call.</summary>
/// <remarks>
/// Every call gets the whole prompt; what it shares with the tokens of the session from the beginning on, or with prompts that other
/// sessions have run, is not computed again, and the result does not depend on that. One generation at a time; different sessions may run
/// at the same time, and their passes are shared. Not thread-safe beyond that, except that <see cref="Dispose"/> may be called at any
/// moment from any thread.
/// </remarks>
public sealed partial class Session : IDisposable
{
    private readonly LanguageModel _model;
    private Sequence _sequence;
    private readonly Lock _gate = new();
    private (DrafterOptions Options, Drafter Drafter) _drafter = (DrafterOptions.None, new NoDrafter());
    private ScheduledWork? _work;       // what runs now
    private bool _reserved;             // something has begun: it runs, or is being prepared
    private bool _disposed, _freed;
    private bool _isFromFile;           // another session has made keys and values: they are shared with none
    private readonly SessionOptions _options;

    internal Session(LanguageModel model, SessionOptions options)
    {
        (_model, _options) = (model, options);
        try
        {
            _sequence = new Sequence(model.Runner);
        }
        catch
        {
            GC.SuppressFinalize(this);
            throw;
        }
        model.Scheduler.Park(_sequence);
    }

    private Session(LanguageModel model, SessionOptions options, Sequence sequence) =>
        (_model, _options, _sequence) = (model, options, sequence);

    /// <summary>Frees what a host has forgotten to dispose.</summary>
    ~Session()
    {
        try
        {
            if (_sequence is not null) Free(wait: false);
        }
        catch (ObjectDisposedException)
        {
            // The model, finalised before it, has freed the rest: an exception here would end the host's process.
        }
    }

    /// <summary>Prompt and generated tokens so far, as far as they were read.</summary>
    public IReadOnlyList<int> Tokens
    {
        get
        {
            lock (_gate)
            {
                var read = _work is Generation generation ? _sequence.PromptLength + generation.TakenCount : _shown ?? _sequence.Count;
                return _sequence.Tokens[..Math.Min(read, _sequence.Count)].ToArray();
            }
        }
    }

    /// <summary>
    /// Result of the last generation, also of one that was cancelled or failed, as soon as its loop has ended; null before the first.
    /// </summary>
    public GenerationResult? LastResult { get; private set; }
    /// <summary>Bytes of memory that keys and values take.</summary>
    public long KvBytes => _sequence.Cache.BytesInUse;
    /// <summary>Bytes of memory for intermediate results, which all sessions of the model share.</summary>
    public long WorkspaceBytes => _model.Runner.WorkspaceBytes;

    /// <summary>What generations are called where a listener watches them.</summary>
    internal string Operation { get; init; } = "text_completion";

    /// <summary>Takes the place of the drafter that the options name; belongs to whoever sets it. For tests.</summary>
    internal Drafter? Drafter { get; set; }

    /// <summary>Continues <paramref name="prompt"/>, which gets the special tokens that the tokenizer frames a text with.</summary>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)"/>
    public IAsyncEnumerable<GeneratedPiece> GenerateAsync(
        string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateAsync(Encode(prompt), options, cancellationToken);

    /// <summary>
    /// Continues <paramref name="prompt"/>; no thread waits for tokens, and passes run ahead of the reader by some tokens.
    /// </summary>
    /// <param name="prompt">The whole prompt, at least one token.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Takes effect within one pass; what was read stays in the session.</param>
    /// <exception cref="ArgumentException">The prompt is empty, too long or has an id outside the vocabulary, or an option is out of its
    /// range.</exception>
    /// <exception cref="CheckpointException">A file that the drafter needs is missing or malformed.</exception>
    /// <exception cref="DeviceMemoryException">The text can never fit the memory of keys and values, or the device has none left for a pass
    /// or a draft model.</exception>
    /// <exception cref="InvalidOperationException">The session is generating already, or the model has no tokenizer and text is asked
    /// for.</exception>
    /// <exception cref="ModelBusyException">As many requests wait as the model takes.</exception>
    /// <exception cref="ObjectDisposedException">The session or the model was disposed, before or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<GeneratedPiece> GenerateAsync(
        IReadOnlyList<int> prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        var (ids, checkedOptions) = Check(prompt, options);
        if (IsStepped(checkedOptions)) return RunStepsAsync(ids, checkedOptions, cancellationToken);
        return MakesSequences(checkedOptions.Strategy)
            ? RunSequencesAsync(ids, checkedOptions, cancellationToken)
            : RunAsync(ids, checkedOptions, cancellationToken);
    }

    /// <summary>Continues <paramref name="prompt"/> on the calling thread.</summary>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)"/>
    public IEnumerable<GeneratedPiece> Generate(
        string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        Generate(Encode(prompt), options, cancellationToken);

    /// <summary>Continues <paramref name="prompt"/> on the calling thread.</summary>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)"/>
    public IEnumerable<GeneratedPiece> Generate(
        IReadOnlyList<int> prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        var (ids, checkedOptions) = Check(prompt, options);
        if (IsStepped(checkedOptions))
            return RunStepsAsync(ids, checkedOptions, cancellationToken).ToBlockingEnumerable(CancellationToken.None);
        return MakesSequences(checkedOptions.Strategy)
            ? RunSequencesAsync(ids, checkedOptions, cancellationToken).ToBlockingEnumerable(CancellationToken.None)
            : Run(ids, checkedOptions, cancellationToken);
    }

    /// <summary>
    /// Runs <paramref name="prompt"/> through the model, so that a generation that begins with it has its first token at once.
    /// </summary>
    /// <param name="prompt">At least one token; the session then holds these tokens.</param>
    /// <param name="progress">Told how many tokens of how many are done, from the thread that awaits.</param>
    /// <param name="cancellationToken">Takes effect within one pass; what was done stays.</param>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)" path="/exception"/>
    public async Task PrefillAsync(
        IReadOnlyList<int> prompt, IProgress<PrefillProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var (ids, _) = Check(prompt, null);
        Reserve();
        ScheduledWork? work = null;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            Begin(ids, DecodingOptions.Nothing, Sequence.OpenPrompt);
            var prefill = new Prefill(_model.Scheduler, _sequence) { IsAsynchronous = true };
            Start(work = prefill);
            await using var registration = cancellationToken.UnsafeRegister(Cancel, work).ConfigureAwait(false);
            while (!prefill.IsAtEnd())
            {
                if (prefill.TryTake(out var done)) progress?.Report(new PrefillProgress(done, ids.Length));
                else await prefill.WaitAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            if (work is not null) await _model.Scheduler.WithdrawAsync(work).ConfigureAwait(false);
            End(null);
        }
    }

    /// <summary>A session with the same tokens, which shares their keys and values until one of the two goes on differently.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    /// <exception cref="InvalidOperationException">The session is generating.</exception>
    /// <exception cref="ObjectDisposedException">The session or the model was disposed.</exception>
    public Session Fork()
    {
        Reserve();
        try
        {
            return ForkReserved();
        }
        finally
        {
            End(null);
        }
    }

    /// <summary>Forgets all tokens. What a drafter has learned stays.</summary>
    /// <exception cref="InvalidOperationException">The session is generating.</exception>
    /// <exception cref="ObjectDisposedException">The session or the model was disposed.</exception>
    public void Reset()
    {
        Reserve();
        _model.Scheduler.Take(_sequence);
        _sequence.Clear();
        _isFromFile = false;
        _model.Scheduler.Put(_sequence);
        End(null);
    }

    /// <summary>Frees keys and values. A generation that runs ends at its next step, with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        Free(wait: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Times a pass of <paramref name="rows"/> rows after what the session holds, and discards it.</summary>
    internal TimeSpan TimePass(int rows)
    {
        Reserve();
        try
        {
            var time = TimeSpan.Zero;
            _model.Scheduler.Exclusive(() =>
            {
                _model.Scheduler.Take(_sequence);
                try
                {
                    _model.Scheduler.Reserve(_sequence.Cache, rows);
                    time = PassTimer.Tree(_model.Runner, _sequence.Cache, rows);
                }
                finally
                {
                    _model.Scheduler.Put(_sequence);
                }
            });
            return time;
        }
        finally
        {
            End(null);
        }
    }

    private Session ForkReserved()
    {
        Sequence? fork = null;
        _model.Scheduler.Exclusive(() =>
        {
            fork = _sequence.Fork(_model.Runner);
            _model.Scheduler.Park(fork);
        });
        return new Session(_model, _options, fork!) { _isFromFile = _isFromFile, Operation = Operation };
    }

    private static void Cancel(object? work, CancellationToken token) => ((ScheduledWork)work!).Stop(new OperationCanceledException(token));

    private int[] Encode(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        if (_model.Tokenizer is null)
            throw new InvalidOperationException(
                $"session: the model's folder has none of {TokenizerFolder.Names}; pass token ids instead of text.");
        return _model.Tokenizer.Encode(prompt);
    }

    private (int[] Ids, GenerationOptions Options) Check(IReadOnlyList<int> prompt, GenerationOptions? options)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(prompt);
        options = (options ?? new GenerationOptions()).For(_model.DefaultGeneration, _model.VocabularySize);
        options.CheckConstraints(_model.Tokenizer is not null);
        if (options.StopSequences.Count > 0 && _model.Tokenizer is null)
            throw new ArgumentException(
                $"options: StopSequences need a tokenizer, but the model's folder has none of {TokenizerFolder.Names}.", nameof(options));
        int[] ids = [.. prompt];
        PromptCheck.Run(ids, _model.VocabularySize, _model.ContextLength);
        _model.Runner.RequireRoom(Math.Min((long)ids.Length + 1, _model.ContextLength));
        return (ids, options);
    }

    private void ThrowIfDisposed()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        _model.ThrowIfDisposed();
    }

    /// <summary>
    /// The drafter of <paramref name="options"/>: the one of the generation before, with what it learned, where the options are the same.
    /// </summary>
    private Drafter DrafterOf(DrafterOptions options)
    {
        if (Drafter is { } given) return given;
        if (options != _drafter.Options)
        {
            var drafter = options.Create(_model.DraftContext.In(_options.Scope));
            _drafter.Drafter.Dispose();
            _drafter = (options, drafter);
        }
        return _drafter.Drafter;
    }

    private async IAsyncEnumerable<GeneratedPiece> RunAsync(
        int[] prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Reserve();
        Generation? generation = null;
        var watched = EngineTelemetry.Begin(Operation, _model.Folder, options);
        try
        {
            var head = await CompileAsync(prompt, options, cancellationToken).ConfigureAwait(false);
            // A draft model may have to be loaded first: not on the caller's thread.
            var isQuick = Drafter is not null || options.Drafter == _drafter.Options || !options.Drafter.LoadsModel;
            generation = isQuick
                ? Begin(prompt, options, head)
                : await Task.Run(() => Begin(prompt, options, head), CancellationToken.None).ConfigureAwait(false);
            generation.IsAsynchronous = true;
            await using var registration = cancellationToken.UnsafeRegister(Cancel, generation).ConfigureAwait(false);
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _model.ThrowIfDisposed();
                if (generation.IsAtEnd()) break;
                if (generation.TryTake(out var piece))
                {
                    EngineEventSource.Log.Token();
                    yield return piece;
                }
                else await generation.WaitAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            if (generation is not null) await _model.Scheduler.WithdrawAsync(generation).ConfigureAwait(false);
            End(generation);
            watched.End(generation is null ? null : LastResult);
        }
    }

    private IEnumerable<GeneratedPiece> Run(int[] prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        Reserve();
        Generation? generation = null;
        var watched = EngineTelemetry.Begin(Operation, _model.Folder, options);
        try
        {
            generation = Begin(prompt, options, Compile(prompt, options, cancellationToken));
            using var registration = cancellationToken.UnsafeRegister(Cancel, generation);
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _model.ThrowIfDisposed();
                if (generation.IsAtEnd()) break;
                if (generation.TryTake(out var piece))
                {
                    EngineEventSource.Log.Token();
                    yield return piece;
                }
                else generation.Wait();
            }
        }
        finally
        {
            if (generation is not null) _model.Scheduler.Withdraw(generation);
            End(generation);
            watched.End(generation is null ? null : LastResult);
        }
    }

    /// <summary>Begins a generation; where that fails, the result says so.</summary>
    private Generation Begin(int[] prompt, GenerationOptions options, HeadStart head)
    {
        try
        {
            return Create(prompt, options, head);
        }
        catch (Exception error)
        {
            var reason = error is ObjectDisposedException ? FinishReason.Cancelled : FinishReason.Error;
            LastResult = GenerationRecorder.NotBegun(prompt.Length, reason);
            throw;
        }
    }

    private Generation Create(int[] prompt, GenerationOptions options, HeadStart head)
    {
        // What draws proposals of its own cannot go back, and what ASAp wants to know takes a row for each token.
        var draws = options.Drafter.DrawsProposals || options.Drafter.Acceptance is not null;
        // A rule that waits would have to be asked for every draft.
        var isPlain = options.Asap is not null || head.Rule?.Rule.MayWait == true || (options.DenyPolicy == DenyPolicy.Backtrack && draws);
        var drafter = isPlain ? new NoDrafter() : DrafterOf(options.Drafter);
        var stop = options.CreateStopRule(_model.EndTokenIds, _model.Tokenizer);
        // Whether resting, which depends on times, changes nothing.
        var repeatable = !options.Drafter.DrawsProposals || options.Temperature == 0;
        var guard = Drafter is null && options.Drafter.Guarded && repeatable ? new SpeculationGuard() : null;
        var sampler = options.CreateSampler(prompt.Length, stop.EndIds, Breakers(options));
        var limit = Math.Min(options.MaxTokens, _model.ContextLength - prompt.Length);
        var constraint = head.Rule is { } rule
            ? new SequenceConstraint(rule, _model.Vocabulary, stop, limit, choosesEach: options.Asap is not null)
            : null;
        options.Asap?.Bind(options.AsapKey(_model.Fingerprint, prompt));
        var typical = isPlain ? null : options.Drafter.Acceptance;
        Begin(prompt, new DecodingOptions(sampler, drafter, stop, options.LogProbs, typical, guard)
        {
            Constraint = constraint,
            Asap = options.Asap?.Begin(),
            Trace = options.Trace,
            FinalLogProbs = options.LogProbMode == LogProbMode.Final,
        });
        if (head.Ran is { } ran) _sequence.Statistics.TakeOver(ran);
        var text = new TextStream(_model.Tokenizer, options);
        // Must not know the session: what a host has forgotten could not be collected while passes run for it.
        var generation = new Generation(_model.Scheduler, _sequence, _model.Decoder, _model.Runner.Costs, text, head.Start)
        {
            Priority = options.Priority,
        };
        Start(generation);
        return generation;
    }

    private Decoding.Sampling.DryBreakers? Breakers(GenerationOptions options) =>
        options.DryMultiplier > 0 ? _model.Breakers.Of(options.DryBreakers) : null;

    /// <summary>Begins with what the sequence has of the prompt, or what others have computed of it where that is more.</summary>
    /// <param name="prompt"/><param name="options"/>
    /// <param name="promptLength">See <see cref="Sequence.Begin"/>.</param>
    private void Begin(int[] prompt, DecodingOptions options, int? promptLength = null)
    {
        _model.Scheduler.Take(_sequence);
        try
        {
            var prefixes = _options.SharePrefixes ? _model.Prefixes : null;
            _sequence.Begin(prompt, options, prefixes is null ? null : new SharedPrefixes(prefixes, _options.Scope, !_isFromFile),
                promptLength);
        }
        finally { _model.Scheduler.Put(_sequence); }
    }

    /// <summary>Nothing else may begin until <see cref="End"/>.</summary>
    private void Reserve()
    {
        lock (_gate)
        {
            ThrowIfDisposed();
            if (_reserved) throw new InvalidOperationException("session: a generation is running; end it first, or use another session.");
            _reserved = true;
        }
    }

    /// <summary>From here on a dispose stops <paramref name="work"/>.</summary>
    private void Start(ScheduledWork work)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _work = work;
        }
    }

    /// <summary>What ran is withdrawn: the session is free for something else, or, where it was disposed meanwhile, freed.</summary>
    /// <param name="generation">What ran, or null.</param>
    /// <param name="drafts">The same.</param>
    /// <param name="count">Tokens that the session keeps; null for all.</param>
    private void End(Generation? generation, DraftsWork? drafts = null, int? count = null)
    {
        lock (_gate)
        {
            // What was withdrawn is parked: whoever drives could take the pages while they are cut and offered here.
            _model.Scheduler.Take(_sequence);
            try
            {
                if (generation is not null) LastResult = generation.End(keep: !_freed);
                drafts?.End(keep: !_freed);
                if (count is { } kept)
                {
                    if (_freed) _sequence.DropTokens(kept);
                    else _sequence.TruncateTo(kept);
                }
                if (!_disposed) _sequence.Offer();
            }
            finally
            {
                (_work, _reserved) = (null, false);
                _model.Scheduler.Put(_sequence);
                if (_disposed) FreeSequence();
            }
        }
    }

    private void Free(bool wait)
    {
        ScheduledWork? work;
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            work = _work;
            if (work is null)
            {
                _stop?.Cancel();
                if (!_reserved || !wait) FreeSequence();        // what is being prepared frees the session when it ends
                return;
            }
        }
        work.Stop(new ObjectDisposedException(nameof(Session)));
        if (!wait)
        {
            _ = FreeLaterAsync(work);
            return;
        }
        _model.Scheduler.Withdraw(work);
        lock (_gate) FreeSequence();
    }

    /// <summary>A finalizer does not wait for a pass.</summary>
    private async Task FreeLaterAsync(ScheduledWork work)
    {
        await _model.Scheduler.WithdrawAsync(work).ConfigureAwait(false);
        lock (_gate) FreeSequence();
    }

    private void FreeSequence()
    {
        _model.Scheduler.Take(_sequence);       // also where it was freed before: work that is withdrawn is parked
        try
        {
            if (_freed) return;
            _freed = true;
            _drafter.Drafter.Dispose();
            _sequence.Dispose();
        }
        finally
        {
            _model.Scheduler.Put(_sequence, parks: false);
        }
    }
}
