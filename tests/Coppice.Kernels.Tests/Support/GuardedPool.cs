using Coppice.Kernels.Memory;

namespace Coppice.Kernels.Tests.Support;

/// <summary>A pool for one operand: its slab is exactly as long as asked, filled with sentinels, and touches a guard page.</summary>
internal sealed class GuardedPool : MemoryPool
{
    private readonly GuardedMemory _memory;

    public GuardedPool(Backend owner, string name, long bytes, bool beforeGuard) : base(owner, name, bytes)
    {
        _memory = new GuardedMemory(bytes, beforeGuard);
        Open();
    }

    /// <summary>
    /// The smallest element, so that buffers end at the guard to the byte; production pools align to cache lines, but a column view does
    /// not.
    /// </summary>
    public override int Alignment => 2;

    internal override nint Slab => _memory.Address;

    private protected override void FreeSlab()
    {
        _memory.RequireSlackUntouched(Name);
        _memory.Dispose();
    }
}
