namespace Coppice.Cli;

/// <summary>Does several pieces of work at once and hands the results over in the order of the pieces.</summary>
internal static class OrderedWork
{
    /// <summary>
    /// Results that may wait for an earlier one, as a multiple of the pieces at once: memory is bounded, and one slow piece does not stop
    /// the others at once.
    /// </summary>
    private const int Waiting = 4;

    /// <summary>Does pieces 0 … <paramref name="count"/> - 1, at most <paramref name="parallel"/> at once, begun in their order.</summary>
    /// <param name="count">Number of pieces.</param>
    /// <param name="parallel">At least 1.</param>
    /// <param name="work">Does a piece, on a thread of the pool; its token is cancelled when an earlier piece has failed or <paramref
    /// name="cancellation"/> is cancelled.</param>
    /// <param name="deliver">Takes the result of a piece: called for one piece after the other, in order.</param>
    /// <param name="cancellation">Begins no further piece; what was begun is delivered as far as its work gives a result.</param>
    /// <exception cref="Exception">That of the first piece in order which failed, after all before it were delivered and all others have
    /// ended.</exception>
    public static async Task RunAsync<T>(
        int count, int parallel, Func<int, CancellationToken, Task<T>> work, Action<int, T> deliver, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(parallel, 1);
        using var slots = new SemaphoreSlim(parallel);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var begun = new Queue<Task<T>>();
        var next = 0;
        try
        {
            for (var delivered = 0; delivered < count; delivered++)
            {
                while (next < count && begun.Count < Waiting * parallel && !cancellation.IsCancellationRequested)
                    begun.Enqueue(DoAsync(next++));
                if (!begun.TryDequeue(out var first)) return;
                deliver(delivered, await first.ConfigureAwait(false));
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Pieces begin in order: none after this one has begun.
        }
        finally
        {
            await all.CancelAsync().ConfigureAwait(false);
            foreach (Task task in begun) await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<T> DoAsync(int piece)
        {
            await slots.WaitAsync(all.Token).ConfigureAwait(false);
            try
            {
                all.Token.ThrowIfCancellationRequested();       // a slot may become free before the wait has seen the cancellation
                return await Task.Run(() => work(piece, all.Token), CancellationToken.None).ConfigureAwait(false);
            }
            finally
            {
                slots.Release();
            }
        }
    }
}
