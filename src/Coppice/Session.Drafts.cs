using System.Runtime.CompilerServices;
using Coppice.Decoding;
using Coppice.Decoding.Strategies;

namespace Coppice;

/// <content>Several continuations of one prompt at once.</content>
public sealed partial class Session
{
    /// <summary>
    /// Continues <paramref name="prompt"/>, which gets the special tokens that the tokenizer frames a text with, in several ways.
    /// </summary>
    /// <inheritdoc cref="GenerateDraftsAsync(IReadOnlyList{int}, DraftsOptions?, CancellationToken)"/>
    public IAsyncEnumerable<DraftsUpdate> GenerateDraftsAsync(
        string prompt, DraftsOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateDraftsAsync(Encode(prompt), options, cancellationToken);

    /// <summary>
    /// Continues <paramref name="prompt"/> in several ways: all drafts after each step. The session then holds the prompt, and the next
    /// call goes on
    /// from there.
    /// </summary>
    /// <remarks>
    /// Cost of a step: a row for <see cref="DraftsMethod.Superposed"/> (or for each of its beginnings), a row for each draft else, in
    /// passes that
    /// other sessions share. Drafts of a longrope model end at the border of its original context.
    /// </remarks>
    /// <param name="prompt">The whole prompt, at least one token.</param>
    /// <param name="options">How many, and how; null for the defaults.</param>
    /// <param name="cancellationToken">Takes effect within one pass; nothing of the drafts stays.</param>
    /// <exception cref="CheckpointException">The n-grams' file is missing, malformed or of another tokenizer.</exception>
    /// <inheritdoc cref="GenerateAsync(IReadOnlyList{int}, GenerationOptions?, CancellationToken)" path="/exception"/>
    public IAsyncEnumerable<DraftsUpdate> GenerateDraftsAsync(
        IReadOnlyList<int> prompt, DraftsOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new DraftsOptions();
        options.Validate();
        var (ids, _) = Check(prompt, null);
        return RunDraftsAsync(ids, options, cancellationToken);
    }

    private async IAsyncEnumerable<DraftsUpdate> RunDraftsAsync(
        int[] prompt, DraftsOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Reserve();
        DraftsWork? work = null;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            Begin(prompt, DecodingOptions.Nothing);
            var plan = new DraftsPlan(
                options, prompt, Math.Max(_sequence.LengthLimit - prompt.Length, 1), _model.VocabularySize, _model.EndTokenIds,
                    _model.Tokenizer, () => _model.Vocabulary, _model.NGrams.Open);
            _model.Runner.RequireRoom(prompt.Length, plan.Strategy.Branches, plan.MaxTokens);
            work = new DraftsWork(_model.Scheduler, _sequence, plan.Strategy)
            {
                IsAsynchronous = true,
                Priority = options.Priority,
            };
            Start(work);
            await using var registration = cancellationToken.UnsafeRegister(Cancel, work).ConfigureAwait(false);
            for (var number = 1; ;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _model.ThrowIfDisposed();
                if (work.IsAtEnd()) break;
                if (work.TryTake(out var step)) yield return plan.Update(step, number++);
                else await work.WaitAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            if (work is not null) await _model.Scheduler.WithdrawAsync(work).ConfigureAwait(false);
            End(null, work);
        }
    }
}
