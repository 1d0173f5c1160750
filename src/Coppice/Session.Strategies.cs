using System.Diagnostics;
using System.Runtime.CompilerServices;
using Coppice.Decoding;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Strategies;
using Coppice.Observability;

namespace Coppice;

/// <content>Strategies that make several sequences of one prompt and choose among them.</content>
public sealed partial class Session
{
    private int? _shown;        // tokens that were read of a text that is there as a whole

    /// <summary>The text that a strategy has chosen.</summary>
    /// <param name="Pieces">Its tokens.</param>
    /// <param name="Result">How it ended, and what it took.</param>
    private sealed record ChosenText(IReadOnlyList<GeneratedPiece> Pieces, GenerationResult Result);

    private static bool MakesSequences(StrategyOptions? strategy) => strategy is BeamSearchOptions or BestOfOptions { Count: > 1 };

    private async IAsyncEnumerable<GeneratedPiece> RunSequencesAsync(
        int[] prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Reserve();
        ChosenText? text = null;
        var taken = 0;
        try
        {
            text = await MakeAsync(prompt, options, cancellationToken).ConfigureAwait(false);
            foreach (var piece in text.Pieces)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ThrowIfDisposed();
                taken++;
                lock (_gate) _shown = prompt.Length + taken;
                yield return piece;
            }
        }
        finally
        {
            lock (_gate) _shown = null;
            End(null, count: text is null ? null : prompt.Length + taken);
            if (text is not null) LastResult = taken == text.Pieces.Count ? text.Result : Cut(text, taken);
        }
    }

    /// <summary>The result where the reader has gone after some tokens.</summary>
    private static GenerationResult Cut(ChosenText text, int taken) => text.Result with
    {
        FinishReason = FinishReason.Cancelled,
        Stop = null,
        StopId = null,
        Ids = [.. text.Pieces.Take(taken).Select(piece => piece.TokenId)],
        Text = string.Concat(text.Pieces.Take(taken).Select(piece => piece.Text)),
        Sequences = [],
    };

    private async Task<ChosenText> MakeAsync(int[] prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            lock (_gate) _shown = prompt.Length;
            return options.Strategy is BeamSearchOptions beam
                ? await BeamAsync(prompt, options, beam, cancellationToken).ConfigureAwait(false)
                : await BestOfAsync(prompt, options, (BestOfOptions)options.Strategy!, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            var reason = error is OperationCanceledException or ObjectDisposedException ? FinishReason.Cancelled : FinishReason.Error;
            LastResult = GenerationRecorder.NotBegun(prompt.Length, reason);
            throw;
        }
    }

    private async Task<ChosenText> BeamAsync(
        int[] prompt, GenerationOptions options, BeamSearchOptions beam, CancellationToken cancellationToken)
    {
        GenerationResult? result = null;
        var stop = options.CreateStopRule(_model.EndTokenIds, _model.Tokenizer);
        GenerationRule? rule = null;
        if (options.IsConstrained) rule = await StartCompiling(prompt, options).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (rule?.Rule.MayWait == true)
            throw new ArgumentException("options: a Constraint that MayWait and the strategy beam exclude each other.");
        Begin(prompt, DecodingOptions.Nothing with { Stop = stop });
        var recorder = new GenerationRecorder(_sequence);
        var limit = Math.Min(options.MaxTokens, Math.Max(_sequence.LengthLimit - prompt.Length, 1));
        _model.Runner.RequireRoom(prompt.Length, beam.Beams, limit);
        var text = new BeamTexts(options, stop with { MaxTokens = limit }, _model.Tokenizer);
        var law = options.CreateBeamLaw(prompt.Length, Breakers(options));
        var constraints = rule is null ? null : new BeamConstraints(new SequenceConstraint(rule, _model.Vocabulary, stop, limit));
        var strategy = new BeamStrategy(text.Search(beam, constraints), beam.Beams, _model.VocabularySize, constraints)
        {
            Law = law,
            Prompt = prompt,
        };
        var work = new DraftsWork(_model.Scheduler, _sequence, strategy) { IsAsynchronous = true, Priority = options.Priority };
        var watched = EngineTelemetry.Begin(Operation, _model.Folder, options);
        try
        {
            Start(work);
            await using var registration = cancellationToken.UnsafeRegister(Cancel, work).ConfigureAwait(false);
            DraftsStep? last = null;
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _model.ThrowIfDisposed();
                if (work.IsAtEnd()) break;
                if (work.TryTake(out var step)) last = step;
                else await work.WaitAsync().ConfigureAwait(false);
            }
            if (last!.Ranked!.Count == 0) throw new NoValidTokenException(prompt.Length, []);
            var pieces = text.Pieces(last.Ranked[0], out var reason, out var stream);
            foreach (var piece in pieces)
            {
                recorder.Computed();
                recorder.Add(piece);
                EngineEventSource.Log.Token();
            }
            _sequence.Statistics.TakeDrafts(last.Timing, prompt.Length);
            result = recorder.Result(reason, stream) with
            {
                Sequences = text.Sequences(last.Ranked, beam.LengthPenalty),
                DenyHits = last.DenyHits,
            };
            return new ChosenText(pieces, result);
        }
        finally
        {
            await _model.Scheduler.WithdrawAsync(work).ConfigureAwait(false);
            Finish(work, result?.Ids ?? []);
            watched.End(result ?? GenerationRecorder.NotBegun(prompt.Length, FinishReason.Cancelled));
        }
    }

    /// <summary>The search has ended, and its text is the session's; the session still belongs to whoever reads it.</summary>
    private void Finish(DraftsWork work, IReadOnlyList<int> ids)
    {
        lock (_gate)
        {
            _model.Scheduler.Take(_sequence);
            work.End(keep: !_freed);
            foreach (var id in ids) _sequence.Append(id);
            _work = null;
            _model.Scheduler.Put(_sequence);
        }
    }

    private async Task<ChosenText> BestOfAsync(
        int[] prompt, GenerationOptions options, BestOfOptions bestOf, CancellationToken cancellationToken)
    {
        var forks = new List<Session>(bestOf.Count);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            // All tokens but the last, whose row each sequence needs.
            var ran = prompt.Length > 1
                ? await RunHeadAsync(prompt, trace: null, Stopwatch.GetTimestamp(), cancellationToken).ConfigureAwait(false)
                : null;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                _stop = stop;
            }
            for (var i = 0; i < bestOf.Count; i++) forks.Add(ForkReserved());
            var samples = await Task.WhenAll(
                forks.Select((fork, i) => fork.SampleAsync(prompt, Numbered(options, i), stop.Token))).ConfigureAwait(false);
            int[] ranked = [.. Enumerable.Range(0, samples.Length).OrderByDescending(i => samples[i].Score(bestOf.By))];
            var (fork, best) = (forks[ranked[0]], samples[ranked[0]]);
            // The sequence that was chosen stays, with its keys and values.
            lock (_gate) (_sequence, fork._sequence) = (fork._sequence, _sequence);
            var result = best.Result with
            {
                ReusedTokens = ran?.ReusedTokens ?? 0,
                Sequences = [.. ranked.Select(i => samples[i].ToSequence(bestOf.By))],
            };
            var pieces = options.LogProbs is null ? [.. best.Pieces.Select(piece => piece with { LogProbs = null })] : best.Pieces;
            return new ChosenText(pieces, result);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            ThrowIfDisposed();
            throw new OperationCanceledException(cancellationToken);
        }
        finally
        {
            lock (_gate) _stop = null;
            foreach (var fork in forks) fork.Dispose();
        }
    }

    private async Task<SampledText> SampleAsync(int[] prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        var pieces = new List<GeneratedPiece>();
        await foreach (var piece in RunAsync(prompt, options, cancellationToken).ConfigureAwait(false)) pieces.Add(piece);
        return new SampledText(pieces, LastResult!);
    }

    /// <summary>Sequence <paramref name="index"/> of several: a generation of its own, whose log-probabilities are known.</summary>
    private static GenerationOptions Numbered(GenerationOptions options, int index) => options with
    {
        Strategy = null,
        Seed = unchecked(options.Seed + (ulong)index),
        LogProbs = options.LogProbs ?? 0,
        LogProbMode = LogProbMode.Raw,
    };

    /// <summary>A sequence of several, whose pieces have log-probabilities.</summary>
    private sealed record SampledText(IReadOnlyList<GeneratedPiece> Pieces, GenerationResult Result)
    {
        private double Sum => Pieces.Sum(piece => piece.LogProbs!.Chosen);

        public double Score(SequenceOrder by) => by == SequenceOrder.SumLogProb ? Sum : Sum / Pieces.Count;

        public GeneratedSequence ToSequence(SequenceOrder by) => new(Result.Ids, Result.Text, Sum, Score(by), Result.FinishReason);
    }
}
