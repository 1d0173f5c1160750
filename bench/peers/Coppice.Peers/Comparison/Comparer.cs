namespace Coppice.Peers.Comparison;

/// <summary>Runs the groups of a plan, the engines in turn within every round.</summary>
internal static class Comparer
{
    /// <summary>
    /// Adds <paramref name="rounds"/> samples to every series of the groups called <paramref name="only"/>, or of all where that is empty.
    /// </summary>
    /// <param name="plan">Groups of calls by name.</param>
    /// <param name="results">What the samples are added to.</param>
    /// <param name="rounds">Rounds of each group.</param>
    /// <param name="only">Names of groups.</param>
    /// <param name="eachRound">Called after every round, so that what was measured is kept if the rest is not.</param>
    public static void Run(IEnumerable<(string Name, IReadOnlyList<EngineRun> Runs)> plan, PeerResults results, int rounds,
        IReadOnlyList<string> only, Action? eachRound = null)
    {
        var all = plan.ToArray();
        var groups = all.Where(group => only.Count == 0 || only.Contains(group.Name)).ToArray();
        if (groups.Length == 0)
            throw new ArgumentException($"--only: must name some of {string.Join(", ", all.Select(group => group.Name))}.");
        foreach (var (name, runs) in groups)
        {
            var broken = new HashSet<EngineRun>();
            for (var round = 0; round < rounds; round++)
            {
                foreach (var run in runs.Where(run => !broken.Contains(run)))
                {
                    Console.Error.WriteLine($"{name}, round {round + 1} of {rounds}: {run.Engine}, {run.Setting}");
                    if (!Add(run, results)) broken.Add(run);
                }
                eachRound?.Invoke();
            }
        }
    }

    private static bool Add(EngineRun run, PeerResults results)
    {
        var (found, error) = run.Measure();
        foreach (var measurement in found)
        {
            var test = measurement.Test;
            results.Series(run.Model, run.Format, test, run.Engine, run.Setting).Add(measurement);
        }
        if (error is null) return true;
        Console.Error.WriteLine($"  not available: {error}");
        foreach (var test in run.Tests)
            results.Series(run.Model, run.Format, test, run.Engine, run.Setting).Unavailable = error;
        return false;
    }
}
