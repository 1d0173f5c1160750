using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>
/// Independent ops of many sequences in one run of the team: a short sequence's attention takes less time than handing it out.
/// </summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    private readonly List<KeptJob> _kept = [];
    private readonly Dictionary<Type, KeptJobs> _keptJobs = [];
    private KeptParts? _keptParts;
    private bool _keeps;

    protected override void BeginTogether() => _keeps = true;

    protected override void EndTogether()
    {
        _keeps = false;
        try
        {
            RunKept();
        }
        finally
        {
            _kept.Clear();
            foreach (var jobs in _keptJobs.Values) jobs.Used = 0;
        }
    }

    /// <summary>A job to be run at the end of the stretch.</summary>
    private TJob Keep<TJob>() where TJob : KeptJob, new()
    {
        if (!_keptJobs.TryGetValue(typeof(TJob), out var jobs)) _keptJobs.Add(typeof(TJob), jobs = new KeptJobs());
        if (jobs.Used == jobs.All.Count) jobs.All.Add(new TJob());
        var job = (TJob)jobs.All[jobs.Used++];
        _kept.Add(job);
        return job;
    }

    private void RunKept()
    {
        if (_kept.Count == 0) return;
        long work = 0, scratch = 0;
        foreach (var job in _kept) (work, scratch) = (work + job.Work, Math.Max(scratch, job.WorkerScratch));
        var threads = work < SerialWork ? 1 : Threads;
        // One that takes longer than a thread's share is split further, by itself.
        for (var i = _kept.Count - 1; i >= 0 && threads > 1; i--)
        {
            var job = _kept[i];
            if (job.Work * threads <= work || !job.RunAlone(this)) continue;
            work -= job.Work;
            _kept.RemoveAt(i);
        }
        var memory = scratch == 0 ? null : _scratch.Get(scratch * threads);
        var parts = 0;
        foreach (var job in _kept) parts += job.Prepare(memory, scratch / sizeof(float));
        var all = _keptParts ??= new KeptParts();
        all.Set(_kept, parts);
        if (threads > 1) _team.Run(all, parts);
        else
            for (var part = 0; part < parts; part++) all.Execute(part, 0);
    }

    private sealed class KeptJobs
    {
        internal readonly List<KeptJob> All = [];
        internal int Used;
    }

    /// <summary>A job that knows what it takes before it runs.</summary>
    private abstract class KeptJob : Job
    {
        /// <summary>Parts, once it is prepared.</summary>
        internal abstract int Parts { get; }
        /// <summary>Multiply-adds, or as many bytes.</summary>
        internal abstract long Work { get; }
        /// <summary>Bytes of scratch memory that each thread needs.</summary>
        internal abstract long WorkerScratch { get; }

        /// <summary>Gets ready to run beside others; returns its parts.</summary>
        /// <param name="scratch">Scratch memory of all threads.</param>
        /// <param name="stride">Floats from a thread's to the next's.</param>
        internal abstract int Prepare(float* scratch, long stride);

        /// <summary>Runs all of it, split further than beside others; false where it does not split further.</summary>
        internal abstract bool RunAlone(SimdBackend<TLanes> backend);
    }

    /// <summary>The parts of all kept jobs, one after the other.</summary>
    private sealed class KeptParts : Job
    {
        private (KeptJob Job, int Part)[] _parts = [];

        internal void Set(List<KeptJob> jobs, int count)
        {
            if (_parts.Length < count) _parts = new (KeptJob, int)[Math.Max(count, 2 * _parts.Length)];
            var at = 0;
            foreach (var job in jobs)
            {
                for (var part = 0; part < job.Parts; part++) _parts[at++] = (job, part);
            }
        }

        internal override void Execute(int part, int worker)
        {
            var (job, own) = _parts[part];
            job.Execute(own, worker);
        }
    }
}
