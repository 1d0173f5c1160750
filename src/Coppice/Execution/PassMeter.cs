using System.Diagnostics;
using System.Runtime;

namespace Coppice.Execution;

/// <summary>What a stretch of code on one thread took: time, compilation by the runtime, and managed memory.</summary>
internal readonly struct PassMeter
{
    private readonly long _start, _allocated;
    private readonly TimeSpan _compiled;

    private PassMeter(long start, TimeSpan compiled, long allocated) => (_start, _compiled, _allocated) = (start, compiled, allocated);

    /// <summary>Time since the start.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);
    /// <summary>Time of it in which the runtime compiled on this thread: it says nothing about the work.</summary>
    public TimeSpan Compiling => JitInfo.GetCompilationTime(currentThread: true) - _compiled;
    /// <summary>Managed bytes that this thread has allocated since.</summary>
    public long AllocatedBytes => GC.GetAllocatedBytesForCurrentThread() - _allocated;

    /// <summary>Begins to measure on this thread.</summary>
    public static PassMeter Start() =>
        new(Stopwatch.GetTimestamp(), JitInfo.GetCompilationTime(currentThread: true), GC.GetAllocatedBytesForCurrentThread());
}
