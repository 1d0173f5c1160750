using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Kernels.Simd;

/// <summary>What the threads of a <see cref="WorkerTeam"/> share: the job, what is left of it, and how they wait.</summary>
/// <remarks>
/// A job is published by writing one word: its generation and the number of parts left. Threads claim a part by decrementing that word, so
/// a
/// thread that comes late claims nothing from a job that is over, and nobody waits for threads that are asleep. No allocation, no lock.
/// A thread is a root for the collector, so between jobs nothing here may lead to one: a job leads to its operands, and those to their back
/// end.
/// </remarks>
// A semaphore whose wait handle nobody asks for holds nothing to free, and threads may still wait on it when a team is forgotten.
[SuppressMessage("Design", "CA1001", Justification = "See above.")]
internal sealed class Crew(int workers)
{
    /// <summary>
    /// About 300 microseconds: longer than what lies between two passes, choosing and drafting; waking a thread takes 30 of a small model's
    /// 70.
    /// </summary>
    private const int SpinsBeforeParking = 16000;
    private const int SpinsBeforeYielding = 2000, SpinsInACrowd = 20;

    // more threads than processors: whoever spins keeps one that works from running
    private readonly bool _crowded = workers >= Environment.ProcessorCount;
    private readonly SemaphoreSlim _wake = new(0);
    private Job? _job;
    private Exception? _failure;
    private Padded _state;      // generation << 32 | parts left to claim
    private Padded _finished;   // parts done
    private Padded _parked;     // threads that wait on _wake
    private bool _stop;

    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct Padded
    {
        [FieldOffset(64)] internal long Value;      // alone on its cache line
    }

    /// <summary>Starts worker <paramref name="number"/>, 1 … workers.</summary>
    internal Thread Start(int number)
    {
        var thread = new Thread(() => Work(number), 1 << 20) { IsBackground = true, Name = $"Coppice worker {number}" };
        thread.Start();
        return thread;
    }

    /// <summary>Lets the threads end, each when it has done the part that it is doing.</summary>
    internal void Stop()
    {
        Volatile.Write(ref _stop, true);
        if (workers > 0) _wake.Release(workers);
    }

    /// <summary>
    /// Does all <paramref name="parts"/> of <paramref name="job"/>, the caller among the threads, and returns when the last is done.
    /// </summary>
    internal void Run(Job job, int parts)
    {
        _job = job;
        Volatile.Write(ref _finished.Value, 0);
        var generation = ((_state.Value >> 32) + 1) << 32;
        Interlocked.Exchange(ref _state.Value, generation | (uint)parts);
        var asleep = (int)Math.Min(Volatile.Read(ref _parked.Value), parts - 1);
        if (asleep > 0) Wake(asleep);
        while (TryClaim(out var part)) Do(job, part, 0);
        var spins = 0;
        while (Volatile.Read(ref _finished.Value) < parts)
        {
            if (++spins < (_crowded ? SpinsInACrowd : SpinsBeforeYielding)) Thread.SpinWait(1);
            else Thread.Yield();
        }
        _job = null;
        if (_failure is not null) Rethrow();
    }

    private void Wake(int asleep)
    {
        // Each parked thread counts itself once; claiming the count keeps the semaphore from growing beyond the sleepers.
        for (var i = 0; i < asleep; i++)
        {
            var before = Volatile.Read(ref _parked.Value);
            if (before <= 0 || Interlocked.CompareExchange(ref _parked.Value, before - 1, before) != before) return;
            _wake.Release();
        }
    }

    private bool TryClaim(out int part)
    {
        while (true)
        {
            var state = Volatile.Read(ref _state.Value);
            part = (int)(uint)state - 1;
            if (part < 0) return false;
            if (Interlocked.CompareExchange(ref _state.Value, state - 1, state) == state) return true;
        }
    }

    private void Do(Job job, int part, int worker)
    {
        try { job.Execute(part, worker); }
        catch (Exception e) { Interlocked.CompareExchange(ref _failure, e, null); }
        finally { Interlocked.Increment(ref _finished.Value); }
    }

    private void Rethrow()
    {
        var failure = _failure!;
        _failure = null;
        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    private void Work(int worker)
    {
        var spins = 0;
        while (!Volatile.Read(ref _stop))
        {
            if (TryClaim(out var part))
            {
                DoClaimed(part, worker);
                spins = 0;
            }
            else if (++spins < SpinsBeforeParking)
            {
                if (_crowded && spins > SpinsInACrowd) Thread.Yield();
                else Thread.SpinWait(1);
            }
            else
            {
                Park();
                spins = 0;
            }
        }
    }

    /// <summary>In a frame of its own, so that none of a thread that waits keeps the last job alive.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void DoClaimed(int part, int worker) => Do(_job!, part, worker);

    private void Park()
    {
        Interlocked.Increment(ref _parked.Value);
        // A job published before the count rose would not wake this thread: look once more before sleeping.
        if ((uint)Volatile.Read(ref _state.Value) > 0 || Volatile.Read(ref _stop))
        {
            var before = Volatile.Read(ref _parked.Value);
            if (before > 0 && Interlocked.CompareExchange(ref _parked.Value, before - 1, before) == before) return;
        }
        _wake.Wait();
    }
}
