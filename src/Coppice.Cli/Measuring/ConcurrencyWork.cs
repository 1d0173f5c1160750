namespace Coppice.Cli.Measuring;

/// <summary>What one request of `bench --concurrency` is.</summary>
/// <param name="PromptTokens">P: tokens of its prompt, at least 1.</param>
/// <param name="NewTokens">G: tokens that it generates, at least 2, so that there is a time between tokens.</param>
/// <param name="SharedPrefix">S: tokens that all prompts of a measurement begin with, 0 to P.</param>
internal sealed record ConcurrencyWork(int PromptTokens, int NewTokens, int SharedPrefix)
{
    /// <summary>N (P + G): prompt and new tokens of <paramref name="requests"/> requests.</summary>
    public long Tokens(int requests) => (long)requests * (PromptTokens + NewTokens);

    /// <summary>
    /// What the machine allows: N (P + G) / ((S + N (P - S)) / prefill rate + G t(N)), in tokens per second. The prefix that all share is
    /// computed once, so that without one the prompts take N P / prefill rate.
    /// </summary>
    /// <param name="requests">N.</param>
    /// <param name="prefillRate">Prompt tokens per second in passes that are filled with as many prompts as fit.</param>
    /// <param name="passSeconds">t(N): a pass of N rows, one for each request.</param>
    public double Limit(int requests, double prefillRate, double passSeconds)
    {
        var computed = SharedPrefix + (long)requests * (PromptTokens - SharedPrefix);
        return Tokens(requests) / (computed / prefillRate + NewTokens * passSeconds);
    }

    /// <summary>
    /// The prompts of measurement <paramref name="measurement"/>: tokens without meaning, the same in every run. Those of different
    /// measurements differ from their first token on, so that nothing an engine has kept of one shortens the next.
    /// </summary>
    /// <param name="requests">N.</param>
    /// <param name="measurement">A number of its own for each measurement.</param>
    /// <param name="vocabulary">Ids are below it.</param>
    public int[][] Prompts(int requests, int measurement, int vocabulary)
    {
        // Request 0 is the prefix that all share.
        return [.. Enumerable.Range(1, requests).Select(request =>
            Enumerable.Range(0, PromptTokens).Select(i => Id(measurement, i < SharedPrefix ? 0 : request, i, vocabulary)).ToArray())];
    }

    /// <summary>SplitMix64 of the place.</summary>
    private static int Id(int measurement, int request, int position, int vocabulary)
    {
        var z = (((ulong)measurement << 44) + ((ulong)request << 24) + (ulong)position + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (int)((z ^ (z >> 31)) % (ulong)vocabulary);
    }
}
