using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;

namespace Coppice.Ptx.Ops;

/// <summary>cp.async: begins a copy to shared memory, which lands when it is waited for and not before.</summary>
internal sealed unsafe class CopyOp(int to, long toOffset, int from, long fromOffset, int bytes, int sourceBytes)
    : AccessOp(from, fromOffset, bytes, 1)
{
    public override void Run(Warp warp, uint mask)
    {
        Count(warp, mask, isShared: false);
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((mask >> lane & 1) == 0) continue;
            var target = (long)warp.Registers(to)[lane] + toOffset;
            var source = AddressOf(warp, lane);
            var count = sourceBytes < 0 ? Bytes : (int)warp.Registers(sourceBytes)[lane];
            if (!AllowedShared(warp, target, lane, Bytes)) continue;
            if (count > 0 && Allowed(warp, source, lane, Bytes) is null) continue;
            var at = (int)(target - SharedMemory.Base);
            NoteSharedWrite(warp, at, lane, Bytes);
            for (var i = at; i < at + Bytes; i++) warp.Block.Shared.Pending[i]++;
            warp.Copies.Add(new PendingCopy(lane, at, source, count, Bytes));
        }
    }
}

/// <summary>cp.async.commit_group.</summary>
internal sealed class CommitOp : Op
{
    public override void Run(Warp warp, uint mask) => warp.Copies.Commit();
}

/// <summary>cp.async.wait_group N and wait_all: all but the last N groups land.</summary>
internal sealed class WaitOp(int groups, bool includesOpen) : Op
{
    public override void Run(Warp warp, uint mask) => warp.Copies.Land(warp, groups, includesOpen);
}
