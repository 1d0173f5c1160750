using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>What an op does to one row; a value, so that splitting rows over threads allocates nothing.</summary>
internal interface IRowWork
{
    void Run(int row);
}

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Elements below which threads are not woken: about ten microseconds of one thread.</summary>
    private const long SerialElements = 1 << 14;

    private readonly Dictionary<Type, Job> _rowJobs = [];

    /// <summary>
    /// Runs <paramref name="work"/> for rows 0 … <paramref name="rows"/> - 1, over the team where there are enough elements.
    /// </summary>
    /// <param name="work">What is done to a row.</param>
    /// <param name="rows">How many there are.</param>
    /// <param name="rowLength">Elements in a row.</param>
    /// <param name="cost">What an element costs, as a multiple of reading, adding and writing one.</param>
    private void ForRows<TWork>(TWork work, int rows, int rowLength, int cost = 1) where TWork : struct, IRowWork
    {
        if (Threads == 1 || rows == 1 || (long)rows * rowLength * cost < SerialElements)
        {
            for (var row = 0; row < rows; row++) work.Run(row);
            return;
        }
        if (!_rowJobs.TryGetValue(typeof(TWork), out var job)) _rowJobs.Add(typeof(TWork), job = new RowJob<TWork>());
        var rowJob = (RowJob<TWork>)job;
        var parts = Math.Min(rows, 4 * Threads);
        rowJob.Set(work, rows, parts);
        _team.Run(rowJob, parts);
    }

    private sealed class RowJob<TWork> : Job where TWork : struct, IRowWork
    {
        private TWork _work;
        private int _rows, _parts;

        internal void Set(TWork work, int rows, int parts) => (_work, _rows, _parts) = (work, rows, parts);

        internal override void Execute(int part, int worker)
        {
            var end = (int)((long)_rows * (part + 1) / _parts);
            for (var row = (int)((long)_rows * part / _parts); row < end; row++) _work.Run(row);
        }
    }
}
