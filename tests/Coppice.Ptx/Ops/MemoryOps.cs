using System.Runtime.InteropServices;
using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;

namespace Coppice.Ptx.Ops;

/// <summary>Where an access goes.</summary>
internal enum Space
{
    Global,
    Shared,
    Local,
}

/// <summary>The part that all accesses have: addresses of lanes, their checks, and what a request costs.</summary>
/// <param name="address">Register of the address.</param>
/// <param name="offset">Bytes added to it.</param>
/// <param name="elementBytes">Bytes of an element.</param>
/// <param name="elements">Elements of an access.</param>
internal abstract class AccessOp(int address, long offset, int elementBytes, int elements) : Op
{
    protected int Bytes => elementBytes * elements;
    protected int ElementBytes => elementBytes;
    protected int Elements => elements;

    protected long AddressOf(Warp warp, int lane) => (long)warp.Registers(address)[lane] + offset;

    /// <summary>Counts sectors or wavefronts of a request.</summary>
    protected void Count(Warp warp, uint mask, bool isShared)
    {
        Span<long> addresses = stackalloc long[Warp.Lanes];
        var count = 0;
        for (var lane = 0; lane < Warp.Lanes; lane++)
            if ((mask >> lane & 1) != 0) addresses[count++] = AddressOf(warp, lane);
        addresses = addresses[..count];
        if (!isShared && count > 0 && warp.Launch.Memory.Of(addresses[0], Bytes) is { } region)
            foreach (ref var at in addresses) at -= region.Origin;
        var into = warp.Launch.CountOf(this);
        if (isShared) Traffic.CountWavefronts(addresses, Bytes, into);
        else Traffic.CountSectors(addresses, Bytes, into);
    }

    /// <summary>Whether an access to global memory is allowed; what is wrong is reported.</summary>
    protected static Region? Allowed(Warp warp, long at, int lane, int bytes)
    {
        if (at % bytes != 0)
        {
            warp.Report(FaultKind.Misaligned, $"lane {lane} accesses {bytes} bytes at {at:x}");
            return null;
        }
        if (warp.Launch.Memory.Of(at, bytes) is { } region) return region;
        warp.Report(FaultKind.OutOfBounds, $"lane {lane} accesses {bytes} bytes at {at:x}, which the launch was not given");
        return null;
    }

    /// <summary>Whether an access to shared memory is within it; what is wrong is reported.</summary>
    protected static bool AllowedShared(Warp warp, long at, int lane, int bytes)
    {
        if (at % bytes != 0)
        {
            warp.Report(FaultKind.Misaligned, $"lane {lane} accesses {bytes} bytes of shared memory at {at}");
            return false;
        }
        if (at >= SharedMemory.Base && at + bytes <= SharedMemory.Base + warp.Block.Shared.Bytes.Length) return true;
        warp.Report(FaultKind.OutOfBounds,
            $"lane {lane} accesses {bytes} bytes at {at - SharedMemory.Base} of {warp.Block.Shared.Bytes.Length} of shared memory");
        return false;
    }

    /// <summary>Notes a read of shared memory and reports what is wrong with it.</summary>
    protected static void NoteSharedRead(Warp warp, int at, int lane, int bytes)
    {
        var (shared, interval) = (warp.Block.Shared, warp.Block.Interval);
        for (var i = at; i < at + bytes; i++)
        {
            if (!shared.IsWritten(i)) warp.Report(FaultKind.UnwrittenMemory,
                $"lane {lane} reads byte {i} of shared memory, which nobody has written");
            if (shared.Pending[i] != 0) warp.Report(FaultKind.PendingCopy,
                $"lane {lane} reads byte {i} of shared memory before its copy was waited for");
            if (shared.Read(i, warp.FirstThread + lane, interval, warp.Interval))
                warp.Report(FaultKind.Race,
                    $"lane {lane} reads byte {i} of shared memory, which another thread has written since the last barrier");
        }
    }

    /// <summary>Notes a write to shared memory and reports what is wrong with it.</summary>
    internal static void NoteSharedWrite(Warp warp, int at, int lane, int bytes)
    {
        var (shared, interval) = (warp.Block.Shared, warp.Block.Interval);
        for (var i = at; i < at + bytes; i++)
        {
            if (shared.Pending[i] != 0) warp.Report(FaultKind.PendingCopy,
                $"lane {lane} writes byte {i} of shared memory, into which a copy is on its way");
            if (shared.Write(i, warp.FirstThread + lane, interval, warp.Interval))
                warp.Report(FaultKind.Race,
                    $"lane {lane} writes byte {i} of shared memory, which another thread has touched since the last barrier");
        }
    }

    /// <summary>Notes a read of global memory and reports a race.</summary>
    internal static void NoteRead(Warp warp, Region region, long at, int lane, int bytes)
    {
        var by = Accessor(warp, lane);
        foreach (ref var cell in Cells(region, at, bytes))
            if (cell.Read(by))
                warp.Report(FaultKind.Race,
                    $"lane {lane} reads {at:x}, which another thread of the launch has written with nothing between");
    }

    /// <summary>Notes a write to global memory and reports a race, but for single bytes, of which two share a cell.</summary>
    internal static void NoteWrite(Warp warp, Region region, long at, int lane, int bytes)
    {
        var by = Accessor(warp, lane);
        foreach (ref var cell in Cells(region, at, bytes))
            if (cell.Write(by) && bytes > 1)
                warp.Report(FaultKind.Race,
                    $"lane {lane} writes {at:x}, which another thread of the launch has touched with nothing between");
    }

    private static Accessor Accessor(Warp warp, int lane) =>
        new(warp.Launch.Serial, warp.Block.Number, warp.FirstThread / Warp.Lanes, lane, warp.Block.Interval, warp.Interval);

    private static Span<Cell> Cells(Region region, long at, int bytes)
    {
        var first = (int)((at - region.Address) / 2);
        return region.Cells.AsSpan(first, (int)((at + bytes - 1 - region.Address) / 2) - first + 1);
    }
}

/// <summary>ld.</summary>
internal sealed class LoadOp(Space space, int[] results, int address, long offset, int elementBytes, bool isSigned)
    : AccessOp(address, offset, elementBytes, results.Length)
{
    public override void Run(Warp warp, uint mask)
    {
        if (space != Space.Local) Count(warp, mask, space == Space.Shared);
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((mask >> lane & 1) == 0) continue;
            var memory = Memory(warp, lane);
            for (var i = 0; i < results.Length; i++)
            {
                var part = memory.IsEmpty ? 0 : Read(memory[(i * ElementBytes)..]);
                // A narrow signed load fills a wider register with its sign.
                warp.Registers(results[i])[lane] = isSigned ? (ulong)Bits.Signed(part, ElementBytes) & uint.MaxValue : part;
            }
        }
    }

    private unsafe ReadOnlySpan<byte> Memory(Warp warp, int lane)
    {
        var at = AddressOf(warp, lane);
        switch (space)
        {
            case Space.Shared:
                if (!AllowedShared(warp, at, lane, Bytes)) return default;
                var from = (int)(at - SharedMemory.Base);
                NoteSharedRead(warp, from, lane, Bytes);
                return warp.Block.Shared.Bytes.AsSpan(from, Bytes);
            case Space.Local:
                return LocalMemory.Of(warp, at, lane, Bytes);
            default:
                if (Allowed(warp, at, lane, Bytes) is not { } region) return default;
                NoteRead(warp, region, at, lane, Bytes);
                var memory = new ReadOnlySpan<byte>(Region.Pointer(at), Bytes);
                if (warp.Launch.Options.Poison is { } poison && ElementBytes == 4)
                    foreach (var word in MemoryMarshal.Cast<byte, uint>(memory))
                        if (word == poison) warp.Launch.CountOf(this).PoisonedWords++;
                return memory;
        }
    }

    private ulong Read(ReadOnlySpan<byte> from) => ElementBytes switch
    {
        1 => from[0],
        2 => MemoryMarshal.Read<ushort>(from),
        4 => MemoryMarshal.Read<uint>(from),
        _ => MemoryMarshal.Read<ulong>(from),
    };
}

/// <summary>st.</summary>
internal sealed class StoreOp(Space space, int[] values, int address, long offset, int elementBytes)
    : AccessOp(address, offset, elementBytes, values.Length)
{
    public override unsafe void Run(Warp warp, uint mask)
    {
        if (space != Space.Local) Count(warp, mask, space == Space.Shared);
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((mask >> lane & 1) == 0) continue;
            var at = AddressOf(warp, lane);
            switch (space)
            {
                case Space.Shared:
                    if (!AllowedShared(warp, at, lane, Bytes)) continue;
                    var to = (int)(at - SharedMemory.Base);
                    NoteSharedWrite(warp, to, lane, Bytes);
                    Write(warp, lane, warp.Block.Shared.Bytes.AsSpan(to, Bytes));
                    break;
                case Space.Local:
                    Write(warp, lane, LocalMemory.Of(warp, at, lane, Bytes));
                    break;
                default:
                    if (Allowed(warp, at, lane, Bytes) is not { } region) continue;
                    NoteWrite(warp, region, at, lane, Bytes);
                    Write(warp, lane, new Span<byte>(Region.Pointer(at), Bytes));
                    break;
            }
        }
    }

    private void Write(Warp warp, int lane, Span<byte> to)
    {
        if (to.IsEmpty) return;
        for (var i = 0; i < values.Length; i++)
        {
            var value = warp.Registers(values[i])[lane];
            var part = to[(i * ElementBytes)..];
            switch (ElementBytes)
            {
                case 1: part[0] = (byte)value; break;
                case 2: MemoryMarshal.Write(part, (ushort)value); break;
                case 4: MemoryMarshal.Write(part, (uint)value); break;
                default: MemoryMarshal.Write(part, value); break;
            }
        }
    }
}

/// <summary>Memory of one thread.</summary>
internal static class LocalMemory
{
    /// <summary>The bytes at an address; none, after a report, outside the thread's own.</summary>
    public static Span<byte> Of(Warp warp, long at, int lane, int bytes)
    {
        var size = warp.Program.LocalBytes;
        if (at >= 0 && at + bytes <= size) return warp.Block.Local.AsSpan((warp.FirstThread + lane) * size + (int)at, bytes);
        warp.Report(FaultKind.OutOfBounds, $"lane {lane} accesses {bytes} bytes at {at} of {size} of its own memory");
        return default;
    }
}

/// <summary>ld.param: the same for every lane.</summary>
internal sealed class ParameterOp(int[] results, int offset, int elementBytes) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        for (var i = 0; i < results.Length; i++)
        {
            var value = 0UL;
            for (var b = elementBytes - 1; b >= 0; b--) value = value << 8 | warp.Launch.Parameters[offset + i * elementBytes + b];
            var lanes = warp.Registers(results[i]);
            for (var lane = 0; lane < Warp.Lanes; lane++)
                if ((mask >> lane & 1) != 0) lanes[lane] = value;
        }
    }
}

/// <summary>atom and red, lane after lane.</summary>
internal sealed class AtomicOp(Space space, Compute operation, int result, int address, long offset, int bytes, int value, int other)
    : AccessOp(address, offset, bytes, 1)
{
    public override unsafe void Run(Warp warp, uint mask)
    {
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((mask >> lane & 1) == 0) continue;
            var at = AddressOf(warp, lane);
            Span<byte> memory;
            if (space == Space.Shared)
            {
                if (!AllowedShared(warp, at, lane, Bytes)) continue;
                memory = warp.Block.Shared.Bytes.AsSpan((int)(at - SharedMemory.Base), Bytes);
            }
            else
            {
                if (Allowed(warp, at, lane, Bytes) is null) continue;
                memory = new Span<byte>(Region.Pointer(at), Bytes);
            }
            var old = Bytes == 4 ? MemoryMarshal.Read<uint>(memory) : MemoryMarshal.Read<ulong>(memory);
            var next = operation(old, warp.Registers(value)[lane], warp.Registers(other)[lane]);
            if (Bytes == 4) MemoryMarshal.Write(memory, (uint)next);
            else MemoryMarshal.Write(memory, next);
            if (result >= 0) warp.Registers(result)[lane] = old;
        }
    }
}
