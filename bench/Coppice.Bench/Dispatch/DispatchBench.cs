using System.Diagnostics;
using System.Globalization;
using System.Text;
using Coppice.Kernels.Simd;

namespace Coppice.Bench.Dispatch;

/// <summary>`dispatch`: what it costs to give work to the worker team, at once and when it has had none for a while.</summary>
internal static class DispatchBench
{
    private static readonly int[] Gaps = [0, 10, 100, 250, 1000, 10_000];     // microseconds

    public static int Run()
    {
        var text = new StringBuilder();
        text.AppendLine("# Dispatch of the worker team\n");
        text.AppendLine("Microseconds from the call to its return, medians (9 of 10 are below the second number), after the given "
            + "microseconds without work. A job has a part for each");
        text.AppendLine("thread. *Empty*: whoever comes first does them all. *Everyone*: each part waits until every thread has one, so "
            + "that it is a round trip to all of them.\n");
        var gaps = Gaps.Select(gap => gap == 0 ? "at once" : string.Create(CultureInfo.InvariantCulture, $"{gap:N0} µs"));
        text.AppendLine(CultureInfo.InvariantCulture, $"| threads | job | {string.Join(" | ", gaps)} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|{string.Concat(Gaps.Select(_ => "--:|"))}");
        for (var threads = 1; threads <= Math.Max(2, Environment.ProcessorCount); threads *= 2)
        {
            using var team = new WorkerTeam(threads);
            Add(text, team, "empty", new EmptyJob());
            Add(text, team, "everyone", new MeetJob(threads));
        }
        Console.Write(text);
        if (BenchResults.Folder() is { } folder) File.WriteAllText(Path.Combine(folder, "dispatch.md"), text.ToString());
        return 0;
    }

    private static void Add(StringBuilder text, WorkerTeam team, string name, Job job)
    {
        for (var i = 0; i < 200_000; i++) team.Run(job, team.Count);     // until the JIT has nothing left to do
        var cells = Gaps.Select(gap => Cell(team, job, gap)).ToArray();
        text.AppendLine(CultureInfo.InvariantCulture, $"| {team.Count} | {name} | {string.Join(" | ", cells)} |");
    }

    private static string Cell(WorkerTeam team, Job job, int gap)
    {
        var times = new double[gap >= 1000 ? 200 : 2000];
        for (var i = 0; i < times.Length; i++)
        {
            var begin = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(begin).TotalMicroseconds < gap) Thread.SpinWait(1);
            var start = Stopwatch.GetTimestamp();
            team.Run(job, team.Count);
            times[i] = (Stopwatch.GetTimestamp() - start) * 1e6 / Stopwatch.Frequency;
        }
        Array.Sort(times);
        return string.Create(CultureInfo.InvariantCulture, $"{times[times.Length / 2]:0.00} ({times[times.Length * 9 / 10]:0.00})");
    }

    private sealed class EmptyJob : Job
    {
        internal override void Execute(int part, int worker) { }
    }

    private sealed class MeetJob(int threads) : Job
    {
        private int _arrived;

        internal override void Execute(int part, int worker)
        {
            var all = (Interlocked.Increment(ref _arrived) + threads - 1) / threads * threads;
            while (Volatile.Read(ref _arrived) < all) Thread.SpinWait(1);
        }
    }
}
