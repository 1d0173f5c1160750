using Coppice.Ptx.Ops;

namespace Coppice.Ptx.Execution;

/// <summary>A copy that has begun.</summary>
/// <param name="Lane">Whose.</param>
/// <param name="Target">Byte of shared memory.</param>
/// <param name="Source">Address in global memory.</param>
/// <param name="SourceBytes">Bytes that are read; zeros follow.</param>
/// <param name="Bytes">Bytes that are written.</param>
internal readonly record struct PendingCopy(int Lane, int Target, long Source, int SourceBytes, int Bytes);

/// <summary>The copies of a warp that have not landed, in groups. They land as late as is allowed: when they are waited for.</summary>
internal sealed class AsyncCopies
{
    private readonly Queue<List<PendingCopy>> _groups = new();
    private List<PendingCopy> _open = [];

    public bool HasPending => _open.Count > 0 || _groups.Any(group => group.Count > 0);

    public void Add(PendingCopy copy) => _open.Add(copy);

    public void Commit()
    {
        _groups.Enqueue(_open);
        _open = [];
    }

    public void Clear()
    {
        _groups.Clear();
        _open = [];
    }

    /// <summary>Lands all groups but the last <paramref name="left"/>, and the one that is open if asked for.</summary>
    public void Land(Warp warp, int left, bool includesOpen)
    {
        while (_groups.Count > left) Land(warp, _groups.Dequeue());
        if (!includesOpen) return;
        Land(warp, _open);
        _open = [];
    }

    private static unsafe void Land(Warp warp, List<PendingCopy> copies)
    {
        var shared = warp.Block.Shared;
        foreach (var copy in copies)
        {
            for (var i = copy.Target; i < copy.Target + copy.Bytes; i++) shared.Pending[i]--;
            var target = shared.Bytes.AsSpan(copy.Target, copy.Bytes);
            target.Clear();
            if (copy.SourceBytes == 0) continue;
            new ReadOnlySpan<byte>((byte*)copy.Source, copy.SourceBytes).CopyTo(target);
            if (warp.Launch.Memory.Of(copy.Source, copy.SourceBytes) is { } region)
                AccessOp.NoteRead(warp, region, copy.Source, copy.Lane, copy.SourceBytes);
            AccessOp.NoteSharedWrite(warp, copy.Target, copy.Lane, copy.Bytes);
        }
    }
}
