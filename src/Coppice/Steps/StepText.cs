using System.Text;
using Coppice.Decoding;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Sampling;

namespace Coppice;

/// <summary>
/// One text that is made token by token: rows of a model, what the options of its generation allow and change, and its end.
/// </summary>
/// <remarks>
/// Stepped to its end it gives the tokens that plain decoding with the same options gives. Forks share keys and values; those of one model
/// that are stepped at the same time share passes. Not thread-safe.
/// </remarks>
public sealed class StepText : IDisposable
{
    private readonly StepRules _rules;
    private readonly List<ITokenProcessor> _processors;
    private readonly IStopCondition? _condition;
    private readonly SequenceConstraint? _constraint;
    private readonly List<int> _tokens = [];
    private readonly List<GeneratedPiece> _pieces = [];
    private readonly StringBuilder _text = new();
    private readonly float[] _row;
    private readonly Sampler _sampler;
    private readonly TextStream _stream;
    private readonly ulong _draws;
    private readonly bool _isGreedy;

    internal StepText(IStepModel model, StepRules rules)
        : this(model, rules, [], rules.Options.StopCondition?.Invoke(), rules.Constraint?.Invoke(), rules.Sampler(0), 0, isGreedy: false)
    {
        foreach (var make in rules.Options.Processors) _processors.Add(make());
    }

    private StepText(
        IStepModel model, StepRules rules, List<ITokenProcessor> processors, IStopCondition? condition, SequenceConstraint? constraint,
        Sampler sampler, ulong draws, bool isGreedy)
    {
        (Model, _rules, _processors, _condition, _constraint) = (model, rules, processors, condition, constraint);
        (_sampler, _draws, _isGreedy) = (sampler, draws, isGreedy);
        _stream = new TextStream(rules.Tokenizer, rules.Options);
        _row = new float[model.VocabularySize];
    }

    /// <summary>What gives the rows; holds the prompt and the tokens. Whoever advances it must append the same tokens here.</summary>
    public IStepModel Model { get; }
    /// <summary>Tokens of the prompt.</summary>
    public IReadOnlyList<int> Prompt => _rules.Prompt;
    /// <summary>Tokens after it.</summary>
    public IReadOnlyList<int> Tokens => _tokens;
    /// <summary>Their text so far, up to a stop; empty for a model without a tokenizer.</summary>
    public string Text => _text.ToString();
    /// <summary>Sum of the model's own log-probabilities of the tokens that were chosen from its rows, in nats.</summary>
    public double LogProbability { get; private set; }
    /// <summary>Why it has ended; null as long as it can go on.</summary>
    public FinishReason? Finished { get; private set; }
    /// <summary>Whether it has ended.</summary>
    public bool IsFinished => Finished is not null;
    /// <summary>Tokens that it may still get.</summary>
    public int TokensLeft => _rules.Limit - _tokens.Count;

    /// <summary>Its tokens as pieces of text.</summary>
    internal IReadOnlyList<GeneratedPiece> Pieces => _pieces;
    internal TextStream Stream => _stream;
    /// <summary>Which draws it makes: see <see cref="Fork(ulong)"/>.</summary>
    internal ulong Draws => _draws;
    internal IReadOnlyList<Constraints.DenyHit> DenyHits => _constraint?.DenyHits ?? [];

    /// <summary>
    /// The logits of the next token after constraints and processors, before samplers [vocabulary]: -∞ for what must not be chosen. Valid
    /// until the text is next used.
    /// </summary>
    /// <exception cref="InvalidOperationException">It has ended.</exception>
    /// <exception cref="NoValidTokenException">No token is left.</exception>
    public async ValueTask<ReadOnlyMemory<float>> RowAsync(CancellationToken cancellationToken = default)
    {
        if (IsFinished) throw new InvalidOperationException("step: the text has ended.");
        // What a constraint has to ask for is asked while the pass runs, and has ended when this has.
        var preparing = _constraint is null ? Task.CompletedTask : _constraint.PrepareAsync(cancellationToken).AsTask();
        ReadOnlyMemory<float> logits;
        try
        {
            logits = await Model.NextAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await preparing.ConfigureAwait(false);
        }
        Mask(logits.Span);
        foreach (var processor in _processors)
        {
            await processor.ProcessAsync(this, _row, cancellationToken).ConfigureAwait(false);
            RequireMasked(processor);
        }
        if (!_row.AsSpan().ContainsAnyExcept(float.NegativeInfinity)) throw NoToken(logits.Span);
        return _row;
    }

    /// <summary>Chooses the next token as the options say, and appends it and what a constraint then forces.</summary>
    /// <exception cref="InvalidOperationException">It has ended.</exception>
    /// <exception cref="NoValidTokenException">No token is left.</exception>
    public async ValueTask<int> StepAsync(CancellationToken cancellationToken = default)
    {
        if (IsFinished) throw new InvalidOperationException("step: the text has ended.");
        if (_constraint is { } constraint)
        {
            constraint.TryRestart();
            if (constraint.Forced is var forced and >= 0 && _rules.Options.LogProbs is null)
            {
                await AppendAsync(forced, cancellationToken).ConfigureAwait(false);
                return forced;
            }
        }
        await RowAsync(cancellationToken).ConfigureAwait(false);
        int[] all = [.. Prompt, .. _tokens];
        int token;
        if (_constraint is { Forced: var next and >= 0 }) token = next;
        else if (WatchesFinal)
        {
            _sampler.Process(all, _row);
            token = _sampler.Pick(all.Length, [.. _row]);
        }
        else token = _sampler.Choose(all, _row);
        await AppendAsync(token, cancellationToken).ConfigureAwait(false);
        return token;
    }

    /// <summary>Appends a token of the caller's choice, and what a constraint then forces.</summary>
    /// <param name="token">Must be above -∞ in <see cref="RowAsync"/>.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <exception cref="InvalidOperationException">It has ended, or a constraint does not allow the token.</exception>
    public async ValueTask AppendAsync(int token, CancellationToken cancellationToken = default)
    {
        if (IsFinished) throw new InvalidOperationException("step: the text has ended.");
        if ((uint)token >= (uint)_row.Length)
            throw new ArgumentOutOfRangeException(nameof(token), token, $"step: ids are from 0 to {_row.Length - 1}.");
        // Only a token that nothing forces has a row.
        var isForced = _constraint?.Forced >= 0 && _rules.Options.LogProbs is null;
        var raw = isForced ? default : await Model.NextAsync(cancellationToken).ConfigureAwait(false);
        await TakeAsync(token, cancellationToken).ConfigureAwait(false);
        Add(token, raw.Span, isForced);
        TakeForced();
    }

    /// <summary>A text with the same tokens that goes on independently; belongs to the caller.</summary>
    /// <param name="draws">Which draws it makes: 0 those of the text itself, every other number others.</param>
    public StepText Fork(ulong draws = 0) => Fork(_isGreedy ? _rules.Greedy() : _rules.Sampler(_draws + draws), _draws + draws, _isGreedy);

    /// <summary>The same, but it goes on with the most probable token each time.</summary>
    public StepText ForkGreedy() => Fork(_rules.Greedy(), _draws, isGreedy: true);

    /// <summary>What a scorer is given.</summary>
    public ScoredContinuation ToContinuation() => new(Prompt, [.. _tokens], Text, LogProbability, Finished);

    /// <summary>Returns the memory of keys and values.</summary>
    public void Dispose() => Model.Dispose();

    /// <summary>Appends a token whose log-probability is known from a row that was looked at before.</summary>
    internal async ValueTask AppendKnownAsync(int token, double logProb, CancellationToken cancellationToken)
    {
        await TakeAsync(token, cancellationToken).ConfigureAwait(false);
        Add(token, [], isForced: false);
        LogProbability += logProb;
        TakeForced();
    }

    /// <summary>The same with other processors, for what looks ahead from within one of them.</summary>
    internal StepText ForkBefore(ITokenProcessor processor)
    {
        var fork = ForkGreedy();
        var at = _processors.IndexOf(processor);
        if (at >= 0) fork._processors.RemoveRange(at, fork._processors.Count - at);
        return fork;
    }

    internal void Use(IEnumerable<ITokenProcessor> processors) => _processors.InsertRange(0, processors);

    private bool WatchesFinal => _sampler.Mirostat is { Basis: SurpriseBasis.Truncated }
        || (_rules.Options.LogProbs is not null && _rules.Options.LogProbMode == LogProbMode.Final);

    private StepText Fork(Sampler sampler, ulong draws, bool isGreedy)
    {
        var fork = new StepText(
            Model.Fork(), _rules, [.. _processors.Select(processor => processor.Fork())], _condition?.Fork(), _constraint?.Fork(), sampler,
            draws, isGreedy)
        {
            LogProbability = LogProbability,
            Finished = Finished,
        };
        if (_sampler.Mirostat is { } mirostat) fork._sampler.Mirostat?.Continue(mirostat);
        fork._tokens.AddRange(_tokens);
        fork._pieces.AddRange(_pieces);
        fork._text.Append(_text);
        foreach (var token in _tokens) fork._stream.Append(token, last: false);
        return fork;
    }

    private async ValueTask TakeAsync(int token, CancellationToken cancellationToken)
    {
        if (_constraint is not { } constraint) return;
        constraint.TryRestart();
        await constraint.PrepareAsync(cancellationToken).ConfigureAwait(false);
        constraint.Take(token);
    }

    /// <summary>What must come after the token follows without a row, unless each token's probability is asked for.</summary>
    private void TakeForced()
    {
        while (!IsFinished && _rules.Options.LogProbs is null && _constraint?.TryTakeForced(out var forced) == true) Add(forced, [], true);
        _constraint?.Commit();
    }

    private void Mask(ReadOnlySpan<float> logits)
    {
        logits[.._row.Length].CopyTo(_row);
        if (_constraint is not { } constraint) return;
        constraint.TryRestart();
        if (constraint.HasDeny) JudgeDenied(constraint);
        if (constraint.Forced is var forced and >= 0)
        {
            var logit = _row[forced];
            _row.AsSpan().Fill(float.NegativeInfinity);
            _row[forced] = logit;
            return;
        }
        var mask = constraint.Mask();
        TokenMask.Apply(mask, _row);
        if (mask.IsEmpty || _row.AsSpan().ContainsAnyExcept(float.NegativeInfinity)) return;
        throw NoToken(logits);
    }

    private NoValidTokenException NoToken(ReadOnlySpan<float> logits) =>
        new(Prompt.Count + _tokens.Count, LogProbabilities.Of(logits, 0, count: 5).Best, _constraint?.Describe());

    /// <summary>What a constraint has masked no processor brings back.</summary>
    private void RequireMasked(ITokenProcessor processor)
    {
        if (_constraint is not { Forced: < 0 } constraint) return;
        var mask = constraint.Mask();
        for (var id = 0; !mask.IsEmpty && id < _row.Length; id++)
        {
            if (TokenMask.Allows(mask, id) || float.IsNegativeInfinity(_row[id])) continue;
            throw new InvalidOperationException(
                $"processor: what a constraint has masked must stay at -∞, but {processor.GetType().Name} gave token {id} {_row[id]}.");
        }
    }

    /// <summary>Notes where the model's own choice, which is in the row, would complete a denied text; once for each place.</summary>
    private void JudgeDenied(SequenceConstraint constraint)
    {
        if (constraint.DenyHits is [.., var last] && last.Position == _tokens.Count) return;
        var best = Sampler.ArgMax(_row);
        if (constraint.IsDenied(best)) constraint.JudgeDenied(best, Math.Exp(LogProbabilities.Of(_row, best, count: 0).Chosen));
    }

    private void Add(int token, ReadOnlySpan<float> raw, bool isForced)
    {
        var logProbs = raw.IsEmpty ? null : LogProbabilities.Of(raw, token, _rules.Options.LogProbs ?? 0);
        var reported = _rules.Options.LogProbs is { } count && WatchesFinal ? LogProbabilities.Of(_row, token, count) : logProbs;
        if (_sampler.Mirostat is { } mirostat && !raw.IsEmpty)
            mirostat.Observe(token, mirostat.Basis == SurpriseBasis.Full ? raw : _row);
        LogProbability += logProbs?.Chosen ?? 0;
        Model.Advance([token]);
        _tokens.Add(token);
        var end = End(token);
        var text = _stream.Append(token, end is not null);
        _text.Append(text);
        _pieces.Add(new GeneratedPiece(text, token, _rules.Options.LogProbs is null ? null : reported));
        var observation = new TokenObservation(token, Prompt.Count + _tokens.Count - 1, logProbs?.Chosen ?? 0, isForced);
        foreach (var processor in _processors) processor.Accept(observation);
        var isStopped = _condition?.EndsWith(observation, text) == true;
        Finished = _stream.StopFound || (isStopped && end is null) ? FinishReason.Stop : end;
    }

    private FinishReason? End(int token)
    {
        if (_rules.Stop.Ends(token)) return FinishReason.Eos;
        if (_constraint?.EndsAfter == _tokens.Count) return FinishReason.Stop;
        return _tokens.Count >= _rules.Limit ? FinishReason.Length : null;
    }
}
