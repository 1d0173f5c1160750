using System.Diagnostics;

namespace Coppice.Cli.Measuring;

/// <summary>Requests that begin together, each in a session of its own, as those of a server's clients.</summary>
internal static class ConcurrentRequests
{
    /// <summary>
    /// Answers all <paramref name="prompts"/> at once and notes when each token came. Sessions are made before the clock starts.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">One for each request.</param>
    /// <param name="options">The same for all; every request must come to <see cref="GenerationOptions.MaxTokens"/> tokens.</param>
    /// <param name="cancellation">Stops all.</param>
    /// <exception cref="CommandException">A request ended before it had all its tokens, so that its speed would be that of
    /// less work.</exception>
    public static RequestTimes Run(LanguageModel model, IReadOnlyList<int[]> prompts, GenerationOptions options,
        CancellationToken cancellation)
    {
        var sessions = new List<Session>(prompts.Count);
        try
        {
            foreach (var _ in prompts) sessions.Add(model.NewSession());
            var stamps = prompts.Select(_ => new long[options.MaxTokens]).ToArray();
            using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var start = Stopwatch.GetTimestamp();
            var requests = prompts.Select((prompt, i) =>
                Task.Run(() => Receive(sessions[i], prompt, options, stamps[i], all), CancellationToken.None));
            Task.WhenAll(requests).GetAwaiter().GetResult();
            return new RequestTimes(start, stamps);
        }
        finally
        {
            foreach (var session in sessions) session.Dispose();
        }
    }

    /// <summary>One request; its failure ends the others too.</summary>
    private static async Task Receive(Session session, int[] prompt, GenerationOptions options, long[] stamps, CancellationTokenSource all)
    {
        try
        {
            var count = 0;
            await foreach (var _ in session.GenerateAsync(prompt, options, all.Token).ConfigureAwait(false))
                stamps[count++] = Stopwatch.GetTimestamp();
            if (count < stamps.Length)
                throw new CommandException($"bench: every request must come to {stamps.Length} tokens, one ended after {count}.");
        }
        catch
        {
            await all.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }
}
