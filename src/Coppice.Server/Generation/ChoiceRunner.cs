using System.Diagnostics;
using Coppice.Server.Metrics;

namespace Coppice.Server.Generation;

/// <summary>Generates the texts of a request.</summary>
internal sealed class ChoiceRunner(LanguageModel model, CacheScope scope, ModelMetrics metrics)
{
    /// <summary>
    /// Generates all <paramref name="choices"/>, at once. Of those with the same prompt the first begins alone: the others find its keys
    /// and values.
    /// </summary>
    /// <param name="choices">In the order of their indices, those of a prompt one after the other.</param>
    /// <param name="sink">Gets the pieces.</param>
    /// <param name="cancellation">Ends all of them.</param>
    /// <returns>By index.</returns>
    /// <exception cref="Exception">The first that failed; the others are ended.</exception>
    public async Task<GenerationResult[]> RunAsync(IReadOnlyList<Choice> choices, IChoiceSink sink, CancellationToken cancellation)
    {
        if (choices is [var only]) return [await RunAsync(only, sink, null, cancellation)];
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var tasks = new List<Task<GenerationResult>>(choices.Count);
        var begun = Task.CompletedTask;
        for (var i = 0; i < choices.Count; i++)
        {
            var isFirst = i == 0 || !ReferenceEquals(choices[i].Prompt, choices[i - 1].Prompt);
            var signal = isFirst ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
            if (isFirst) begun = Task.CompletedTask;
            tasks.Add(RunAfterAsync(begun, choices[i], sink, signal, stop));
            if (isFirst) begun = signal!.Task;
        }
        try
        {
            return await Task.WhenAll(tasks);
        }
        catch
        {
            // What failed first is said, not that the others were ended for it.
            throw tasks.Where(task => task.IsFaulted).Select(task => task.Exception!.InnerException!)
                .FirstOrDefault(error => error is not OperationCanceledException)
                ?? new OperationCanceledException(cancellation);
        }
    }

    private async Task<GenerationResult> RunAfterAsync(
        Task begun, Choice choice, IChoiceSink sink, TaskCompletionSource? signal, CancellationTokenSource stop)
    {
        try
        {
            await begun.WaitAsync(stop.Token);
            return await RunAsync(choice, sink, signal, stop.Token);
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    private async Task<GenerationResult> RunAsync(Choice choice, IChoiceSink sink, TaskCompletionSource? begun,
        CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var session = model.NewSession(new SessionOptions { Scope = scope });
        try
        {
            await using var pieces = session.GenerateAsync(choice.Prompt, choice.Options, stop.Token)
                .GetAsyncEnumerator(CancellationToken.None);
            var next = pieces.MoveNextAsync();
            while (await next)
            {
                var piece = pieces.Current;
                begun?.TrySetResult();
                metrics.Token();
                next = pieces.MoveNextAsync();
                try
                {
                    await sink.TakeAsync(choice.Index, piece, more: next.IsCompleted);
                }
                catch
                {
                    // The step that has begun must end before the generation can.
                    await stop.CancelAsync();
                    try { await next; }
                    catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException) { }
                    throw;
                }
            }
        }
        finally
        {
            begun?.TrySetResult();
            if (session.LastResult is { } result) metrics.Ended(result, start);
        }
        await sink.EndAsync(choice.Index, session.LastResult!);
        return session.LastResult!;
    }
}
