using Coppice.Ptx.Reports;

namespace Coppice.Ptx.Execution;

/// <summary>A block of threads: its warps run one after another from barrier to barrier.</summary>
internal sealed class Block
{
    private readonly Warp[] _warps;
    private readonly int _threads;

    public Block(Program program, Launch launch)
    {
        _threads = launch.Group.X * launch.Group.Y * launch.Group.Z;
        _warps = [.. Enumerable.Range(0, (_threads + Warp.Lanes - 1) / Warp.Lanes).Select(_ => new Warp(program, launch))];
        Shared = new SharedMemory(program.SharedBytes);
        Local = new byte[program.LocalBytes * _threads];
    }

    public SharedMemory Shared { get; }
    /// <summary>Local memory, thread after thread.</summary>
    public byte[] Local { get; }
    public (int X, int Y, int Z) Index { get; private set; }
    /// <summary>Number of the block in its launch.</summary>
    public int Number { get; private set; }
    /// <summary>Barriers of the block so far.</summary>
    public int Interval { get; private set; }

    /// <summary>Runs all threads to their ends.</summary>
    public void Run((int X, int Y, int Z) index, int number)
    {
        (Index, Number, Interval) = (index, number, 0);
        Shared.Clear();
        for (var i = 0; i < _warps.Length; i++)
            _warps[i].Begin(this, i * Warp.Lanes, _threads - i * Warp.Lanes);
        while (true)
        {
            // Later warps first in every other interval, so that an order among warps that nothing ensures is not relied on.
            for (var i = 0; i < _warps.Length; i++)
            {
                var warp = _warps[Interval % 2 == 0 ? i : _warps.Length - 1 - i];
                if (warp.State == WarpState.Ready) warp.Run();
            }
            if (Array.TrueForAll(_warps, warp => warp.State == WarpState.Ended)) break;
            if (!Release()) break;
        }
        foreach (var warp in _warps)
            if (warp.Copies.HasPending) warp.Report(FaultKind.PendingCopy, "an asynchronous copy was never waited for");
    }

    public override string ToString() => $"({Index.X}, {Index.Y}, {Index.Z})";

    /// <summary>Lets those go on whose barrier is complete; false, after a fault, where none is.</summary>
    private bool Release()
    {
        var any = false;
        foreach (var group in _warps.Where(warp => warp.State == WarpState.AtBarrier).GroupBy(warp => warp.Waiting).ToArray())
        {
            var expected = group.Key.Threads > 0 ? group.Key.Threads : _threads;
            var arrived = group.Sum(warp => Math.Min(Warp.Lanes, _threads - warp.FirstThread));
            if (arrived < expected) continue;
            any = true;
            Interval++;
            foreach (var warp in group) warp.Go();
        }
        if (any) return true;
        var stuck = _warps.First(warp => warp.State == WarpState.AtBarrier);
        stuck.Report(FaultKind.DivergentBarrier, "other warps of the block never come to this barrier");
        return false;
    }
}
