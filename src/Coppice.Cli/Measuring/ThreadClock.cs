using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Coppice.Cli;

/// <summary>CPU time of the calling thread where the system tells it, else time that passes.</summary>
internal static partial class ThreadClock
{
    private const int ThreadCpuTime = 3;

    private static readonly bool IsThere = OperatingSystem.IsLinux()
        && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    /// <summary>Nanoseconds since some start.</summary>
    public static long Nanoseconds()
    {
        if (IsThere && ClockGetTime(ThreadCpuTime, out var time) == 0) return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
        return (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
