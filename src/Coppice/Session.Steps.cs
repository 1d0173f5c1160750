using System.Diagnostics;
using System.Runtime.CompilerServices;
using Coppice.Decoding;
using Coppice.Decoding.Constraints;
using Coppice.Execution;
using Coppice.Observability;

namespace Coppice;

/// <content>Strategies, processors and stop conditions that make a text step by step on the reader's own flow.</content>
public sealed partial class Session
{
    private static bool IsStepped(GenerationOptions options) =>
        options.Strategy is StepStrategyOptions || options.Processors.Count > 0 || options.StopCondition is not null;

    /// <summary>Runs what is missing of <paramref name="tokens"/> and copies the logits after the last one.</summary>
    /// <param name="tokens">At least one.</param>
    /// <param name="row">[vocabulary].</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    internal async ValueTask RowAsync(int[] tokens, float[] row, CancellationToken cancellationToken)
    {
        PromptCheck.Run(tokens, _model.VocabularySize, _model.ContextLength + 1);
        Reserve();
        ScheduledWork? work = null;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            Begin(tokens, DecodingOptions.Nothing);
            Start(work = new RowWork(_model.Scheduler, _sequence, row) { IsAsynchronous = true });
            await using var registration = cancellationToken.UnsafeRegister(Cancel, work).ConfigureAwait(false);
            while (!work.IsAtEnd()) await work.WaitAsync().ConfigureAwait(false);
        }
        finally
        {
            if (work is not null) await _model.Scheduler.WithdrawAsync(work).ConfigureAwait(false);
            End(null);
        }
    }

    private async IAsyncEnumerable<GeneratedPiece> RunStepsAsync(
        int[] prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Reserve();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watched = EngineTelemetry.Begin(Operation, _model.Folder, options);
        var strategy = options.Strategy as StepStrategyOptions;
        var (taken, start, failed) = (0, Stopwatch.GetTimestamp(), new StrongBox<bool>(true));
        GenerationRecorder? recorder = null;
        GenerationResult? result = null;
        SessionSteps? own = null;
        StepText? text = null;
        IAsyncEnumerator<StepText>? texts = null;
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                (_stop, _shown) = (stop, prompt.Length);
            }
            var rules = await RulesAsync(prompt, options, stop.Token).ConfigureAwait(false);
            Begin(prompt, DecodingOptions.Nothing with { Stop = rules.Stop });
            recorder = new GenerationRecorder(_sequence, start);
            var sources = new StepSources(_model);
            own = new SessionSteps(ForkReserved(), _model.VocabularySize);
            own.Advance(prompt);
            text = new StepText(strategy?.Compose(own, prompt, sources) ?? own, rules);
            text.Use(strategy?.Processors(sources) ?? []);
            texts = (strategy?.Create(sources) ?? PlainStrategy.Instance).RunAsync(text, stop.Token).GetAsyncEnumerator(stop.Token);
            while (await NextAsync(texts, failed, cancellationToken).ConfigureAwait(false) is { } next)
            {
                recorder.Computed();
                if (next != text) text.Dispose();
                text = next;
                while (taken < text.Pieces.Count)
                {
                    ThrowIfDisposed();
                    var piece = text.Pieces[taken++];
                    recorder.Add(piece);
                    EngineEventSource.Log.Token();
                    lock (_gate) _shown = prompt.Length + taken;
                    yield return piece;
                }
                if (text.IsFinished) break;
            }
            var statistics = _sequence.Statistics;
            (statistics.Steps, statistics.VerifyTime) = (text.Tokens.Count, Stopwatch.GetElapsedTime(start));
            if (text.Finished is not { } end) throw new InvalidOperationException("strategy: it must go on until its text has ended.");
            result = recorder.Result(end, text.Stream) with { DenyHits = text.DenyHits };
        }
        finally
        {
            if (texts is not null) await texts.DisposeAsync().ConfigureAwait(false);
            var reason = failed.Value && !stop.IsCancellationRequested ? FinishReason.Error : FinishReason.Cancelled;
            LastResult = result ?? recorder?.Result(reason) ?? GenerationRecorder.NotBegun(prompt.Length, reason);
            lock (_gate) (_stop, _shown) = (null, null);
            if (text is not null) Keep(text, prompt);
            End(null, count: text is null ? null : prompt.Length + taken);
            if (text is not null) text.Dispose();
            else own?.Dispose();
            watched.End(LastResult);
        }
    }

    /// <summary>The text that was made stays the session's, with its keys and values.</summary>
    /// <remarks>
    /// Not in the finally of <see cref="RunStepsAsync"/>: a pattern's variable there is lost where the iterator is disposed at a yield.
    /// </remarks>
    private void Keep(StepText text, int[] prompt)
    {
        lock (_gate)
        {
            if (_freed || text.Model is not IOwnSteps { Own: { } last }) return;
            (_sequence, last._sequence) = (last._sequence, _sequence);
            _model.Scheduler.Take(_sequence);
            _sequence.Restore([.. prompt, .. text.Tokens], _sequence.IsBeyond);
            _model.Scheduler.Put(_sequence);
        }
    }

    /// <summary>The next text of a strategy; null where it has no more. A session that was disposed meanwhile says so.</summary>
    /// <param name="texts">The strategy's.</param>
    /// <param name="failed">Whether it threw what is no cancellation.</param>
    /// <param name="cancellationToken">Of the reader.</param>
    private async ValueTask<StepText?> NextAsync(
        IAsyncEnumerator<StepText> texts, StrongBox<bool> failed, CancellationToken cancellationToken)
    {
        try
        {
            failed.Value = true;
            var next = await texts.MoveNextAsync().ConfigureAwait(false) ? texts.Current : null;
            failed.Value = false;
            return next;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            ThrowIfDisposed();
            throw;
        }
    }

    private async ValueTask<StepRules> RulesAsync(int[] prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        var stop = options.CreateStopRule(_model.EndTokenIds, _model.Tokenizer);
        var limit = Math.Min(options.MaxTokens, _model.ContextLength - prompt.Length);
        GenerationRule? rule = null;
        if (options.IsConstrained) rule = await StartCompiling(prompt, options).WaitAsync(cancellationToken).ConfigureAwait(false);
        return new StepRules(options, prompt, stop, limit)
        {
            Tokenizer = _model.Tokenizer,
            Breakers = Breakers(options),
            Constraint = rule is null ? null : () => new SequenceConstraint(rule.Fork(), _model.Vocabulary, stop, limit),
        };
    }
}
