using System.Runtime.InteropServices;

namespace Coppice.Kernels.Simd;

/// <summary>Work that splits into numbered parts which any thread may do in any order.</summary>
internal abstract class Job
{
    /// <summary>Does part <paramref name="part"/>; <paramref name="worker"/> numbers the thread, for scratch memory of its own.</summary>
    internal abstract void Execute(int part, int worker);
}

/// <summary>Persistent threads that share the parts of one job at a time; they spin for a moment between jobs, then park.</summary>
/// <remarks>
/// The threads know only their <see cref="Crew"/>, never the team: a team that is forgotten is collected, and its finalizer ends them.
/// Used by one thread at a time.
/// </remarks>
internal sealed class WorkerTeam : IDisposable
{
    private readonly Crew _crew;
    private readonly Thread[] _threads;

    /// <summary>A team of <paramref name="threads"/>, the caller of <see cref="Run"/> included.</summary>
    internal WorkerTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _crew = new Crew(threads - 1);
        _threads = new Thread[threads - 1];
        for (var i = 0; i < _threads.Length; i++) _threads[i] = _crew.Start(i + 1);
    }

    /// <summary>Ends the threads of a team that nobody has disposed.</summary>
    ~WorkerTeam() => _crew?.Stop();

    internal int Count => _threads.Length + 1;

    /// <summary>Does all <paramref name="parts"/> of <paramref name="job"/> and returns when the last is done.</summary>
    internal void Run(Job job, int parts)
    {
        if (parts <= 1 || _threads.Length == 0)
        {
            for (var part = 0; part < parts; part++) job.Execute(part, 0);
            return;
        }
        _crew.Run(job, parts);
    }

    public void Dispose()
    {
        _crew.Stop();
        foreach (var thread in _threads) thread.Join();
        GC.SuppressFinalize(this);
    }
}
