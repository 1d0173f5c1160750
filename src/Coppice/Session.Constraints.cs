using System.Diagnostics;
using Coppice.Decoding;
using Coppice.Decoding.Constraints;
using Coppice.Execution;

namespace Coppice;

/// <content>Constraints are compiled on a thread of the pool; where that takes a while, the prompt is run meanwhile.</content>
public sealed partial class Session
{
    /// <summary>Most schemas are compiled within it: then the prompt needs no pass more.</summary>
    private static readonly TimeSpan QuickCompile = TimeSpan.FromMilliseconds(3);

    /// <summary>What a generation has when it begins.</summary>
    /// <param name="Start">When it was asked for.</param>
    /// <param name="Rule">Its constraint; null for none.</param>
    /// <param name="Ran">What was run of the prompt meanwhile; null for nothing.</param>
    private readonly record struct HeadStart(long Start, GenerationRule? Rule, DecodingStatistics? Ran);

    private async ValueTask<HeadStart> CompileAsync(int[] prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        if (!options.IsConstrained) return new HeadStart(start, null, null);
        var rule = StartCompiling(prompt, options);
        await Task.WhenAny(rule, Task.Delay(QuickCompile, cancellationToken)).ConfigureAwait(false);
        DecodingStatistics? ran = null;
        if (!rule.IsCompleted && prompt.Length > 1)
            ran = await RunHeadAsync(prompt, options.Trace, start, cancellationToken).ConfigureAwait(false);
        return new HeadStart(start, await rule.WaitAsync(cancellationToken).ConfigureAwait(false), ran);
    }

    /// <summary>Runs all tokens of the prompt but the last, of which the first choice needs the row.</summary>
    private async Task<DecodingStatistics> RunHeadAsync(
        int[] prompt, GenerationTrace? trace, long start, CancellationToken cancellationToken)
    {
        var prefill = BeginHead(prompt, trace);
        prefill.IsAsynchronous = true;
        try
        {
            await using var registration = cancellationToken.UnsafeRegister(Cancel, prefill).ConfigureAwait(false);
            while (!prefill.IsAtEnd())
            {
                if (!prefill.TryTake(out _)) await prefill.WaitAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            await _model.Scheduler.WithdrawAsync(prefill).ConfigureAwait(false);
        }
        return EndHead(start);
    }

    private HeadStart Compile(int[] prompt, GenerationOptions options, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        if (!options.IsConstrained) return new HeadStart(start, null, null);
        var rule = StartCompiling(prompt, options);
        DecodingStatistics? ran = null;
        if (!((IAsyncResult)rule).AsyncWaitHandle.WaitOne(QuickCompile) && prompt.Length > 1)
        {
            var prefill = BeginHead(prompt, options.Trace);
            try
            {
                using var registration = cancellationToken.UnsafeRegister(Cancel, prefill);
                while (!prefill.IsAtEnd())
                {
                    if (!prefill.TryTake(out _)) prefill.Wait();
                }
            }
            finally
            {
                _model.Scheduler.Withdraw(prefill);
            }
            ran = EndHead(start);
        }
        return new HeadStart(start, rule.WaitAsync(cancellationToken).GetAwaiter().GetResult(), ran);
    }

    private Task<GenerationRule> StartCompiling(int[] prompt, GenerationOptions options)
    {
        var (vocabulary, tokens) = (_model.Vocabulary, Math.Min(options.MaxTokens, _model.ContextLength - prompt.Length));
        return Task.Run(() => options.CreateConstraint(vocabulary, tokens, prompt));
    }

    /// <summary>Begins to run all tokens of the prompt but the last, which the first choice needs.</summary>
    private Prefill BeginHead(int[] prompt, GenerationTrace? trace)
    {
        Begin(prompt[..^1], DecodingOptions.Nothing, prompt.Length);
        var prefill = new Prefill(_model.Scheduler, _sequence)
        {
            Ran = trace is null ? null : new StepRecorder(trace, _sequence).AddPrompt,
        };
        Start(prefill);
        return prefill;
    }

    /// <summary>The session still belongs to the generation that is about to begin.</summary>
    private DecodingStatistics EndHead(long start)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _work = null;
        }
        var ran = _sequence.Statistics;
        ran.PrefilledTokens = _sequence.Count - ran.ReusedTokens;
        ran.PrefillTime = Stopwatch.GetElapsedTime(start);
        return ran;
    }
}
