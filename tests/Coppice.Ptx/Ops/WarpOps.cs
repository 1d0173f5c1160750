using System.Numerics;
using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;

namespace Coppice.Ptx.Ops;

/// <summary>Which lane a shuffle reads.</summary>
internal enum ShuffleKind
{
    Up,
    Down,
    Butterfly,
    Index,
}

/// <summary>shfl.sync: each lane reads the register of another.</summary>
internal sealed class ShuffleOp(ShuffleKind kind, int result, int inRange, int source, int distance, int clamp, int members) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        RequireMembers(warp, mask, members);
        Span<ulong> values = stackalloc ulong[Warp.Lanes];
        warp.Registers(source).CopyTo(values);
        var valid = 0u;
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((mask >> lane & 1) == 0) continue;
            var (by, control) = ((int)warp.Registers(distance)[lane] & 31, (int)warp.Registers(clamp)[lane]);
            var (segment, limit) = (control >> 8 & 31, control & 31);
            var (least, most) = (lane & segment, (lane & segment) | (limit & ~segment));
            var from = kind switch
            {
                ShuffleKind.Up => lane - by,
                ShuffleKind.Down => lane + by,
                ShuffleKind.Butterfly => lane ^ by,
                _ => least | (by & ~segment),
            };
            // Up counts from below, where the limit is the least lane.
            var isInside = kind == ShuffleKind.Up ? from >= (least | (limit & ~segment)) : from <= most;
            if (!isInside) from = lane;
            else valid |= 1u << lane;
            if ((mask >> from & 1) == 0) warp.Report(FaultKind.MissingLanes, $"lane {lane} reads lane {from}, which does not take part");
            warp.Registers(result)[lane] = values[from];
        }
        if (inRange < 0) return;
        ref var p = ref warp.Predicate(inRange);
        p = (p & ~mask) | valid;
    }

    /// <summary>Every lane that the instruction names must execute it together.</summary>
    internal static void RequireMembers(Warp warp, uint mask, int members)
    {
        var named = (uint)warp.Registers(members)[BitOperations.TrailingZeroCount(mask)];
        if ((named & ~mask) != 0)
            warp.Report(FaultKind.MissingLanes, $"lanes {named & ~mask:x8} are named but are elsewhere or have ended");
        else if ((mask & ~named) != 0) warp.Report(FaultKind.MissingLanes, $"lanes {mask & ~named:x8} execute it but are not named");
    }
}

/// <summary>vote.sync and activemask.</summary>
internal sealed class VoteOp(Func<uint, uint, uint> vote, int result, int predicateResult, int predicate, bool negated, int members) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        if (members >= 0) ShuffleOp.RequireMembers(warp, mask, members);
        var votes = predicate < 0 ? mask : (negated ? ~warp.Predicate(predicate) : warp.Predicate(predicate)) & mask;
        var outcome = vote(votes, mask);
        if (predicateResult >= 0)
        {
            ref var p = ref warp.Predicate(predicateResult);
            p = (p & ~mask) | (outcome & mask);
            return;
        }
        var lanes = warp.Registers(result);
        for (var lane = 0; lane < Warp.Lanes; lane++)
            if ((mask >> lane & 1) != 0) lanes[lane] = outcome;
    }
}

/// <summary>bar.sync: the threads of the block, or as many as it says, wait for each other.</summary>
internal sealed class BarrierOp(int number, int threads) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        if (mask != warp.Alive)
        {
            warp.Report(FaultKind.DivergentBarrier, $"lanes {mask:x8} of {warp.Alive:x8} come to it");
            throw new LaunchEndedException();
        }
        var first = BitOperations.TrailingZeroCount(mask);
        warp.Wait((int)warp.Registers(number)[first], threads < 0 ? 0 : (int)warp.Registers(threads)[first]);
    }
}

/// <summary>bar.warp.sync: orders the memory of the lanes that it names.</summary>
internal sealed class WarpBarrierOp(int members) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        if (mask == 0) return;
        ShuffleOp.RequireMembers(warp, mask, members);
        warp.Interval++;
    }
}

/// <summary>A fence, which changes nothing where every access is seen at once.</summary>
internal sealed class FenceOp : Op
{
    public override void Run(Warp warp, uint mask) { }
}
