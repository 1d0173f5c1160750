using System.Diagnostics;
using Coppice.Cache;
using Coppice.Decoding.Verification;

namespace Coppice.Execution;

/// <summary>Times passes whose results are discarded. Alone with the runner: see <see cref="Scheduler.Exclusive"/>.</summary>
internal static class PassTimer
{
    /// <summary>
    /// Times a pass over a token tree of <paramref name="rows"/> nodes after what <paramref name="cache"/> holds, its logits included.
    /// </summary>
    public static TimeSpan Tree(ModelRunner runner, KvCache cache, int rows)
    {
        var tree = new TokenTree(Math.Max(rows, 1), ModelRunner.TreeDepth);
        tree.Reset(0);
        for (var node = 1; node < rows; node++) tree.Add((node - 1) / 2, node % runner.Spec.VocabularySize);
        var request = new PassRequest { TopCount = 1, Eager = true };
        request.Nodes(cache, tree);
        var time = Run(runner, [request]);
        cache.Truncate(cache.Length);
        return time;
    }

    /// <summary>Times a pass over one token of each sequence after what its cache holds, its logits included.</summary>
    public static TimeSpan Tokens(ModelRunner runner, IReadOnlyList<KvCache> caches)
    {
        var tokens = new int[1];
        var requests = new PassRequest[caches.Count];
        for (var i = 0; i < requests.Length; i++)
        {
            requests[i] = new PassRequest { TopCount = 1, Eager = true };
            requests[i].Stretch(caches[i], tokens, nodes: 1);
        }
        var time = Run(runner, requests);
        foreach (var cache in caches) cache.Truncate(cache.Length);
        return time;
    }

    private static TimeSpan Run(ModelRunner runner, ReadOnlySpan<PassRequest> requests)
    {
        var start = Stopwatch.GetTimestamp();
        runner.Run(requests);
        foreach (var request in requests) request.Output.Best(0, 1, out _);
        return Stopwatch.GetElapsedTime(start);
    }
}
