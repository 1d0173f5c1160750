namespace Coppice.Peers.Comparison;

/// <summary>Runs the groups of a plan, the engines in turn within every round.</summary>
internal static class Comparer
{
    /// <summary>
    /// Adds <paramref name="rounds"/> samples to every series of the groups called <paramref name="only"/>, or of all where that is empty.
    /// </summary>
    public static void Run(ComparisonPlan plan, PeerResults results, int rounds, IReadOnlyList<string> only)
    {
        var groups = plan.Groups().Where(group => only.Count == 0 || only.Contains(group.Name)).ToArray();
        if (groups.Length == 0) throw new ArgumentException($"--only: must name some of {string.Join(", ", plan.Groups().Select(group => group.Name))}.");
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
            }
        }
    }

    private static bool Add(EngineRun run, PeerResults results)
    {
        var (speeds, error) = run.Measure();
        foreach (var (test, speed) in speeds)
        {
            var series = results.Series(run.Model, run.Format, test, run.Engine, run.Setting, run.Compared(test));
            series.Samples.Add(Math.Round(speed, 2));
            series.Unavailable = null;
        }
        if (error is null) return true;
        Console.Error.WriteLine($"  not available: {error}");
        foreach (var test in run.Tests)
            results.Series(run.Model, run.Format, test, run.Engine, run.Setting, run.Compared(test)).Unavailable = error;
        return false;
    }
}
