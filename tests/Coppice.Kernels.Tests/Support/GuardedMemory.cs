using System.Runtime.InteropServices;

namespace Coppice.Kernels.Tests.Support;

/// <summary>
/// Host memory between two pages that nobody may touch: a read or write past the guarded side ends the process with an access violation.
/// </summary>
/// <remarks>
/// The slack between the memory and the other guard page is filled with <see cref="Sentinel"/> and checked by
/// <see cref="RequireSlackUntouched"/>.
/// </remarks>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    /// <summary>A NaN whether read as F32, F16 or BF16, and no valid index as I32.</summary>
    public const uint Sentinel = 0x7fc17fc1;

    private const int NoAccess = 0, ReadWrite = 3, PrivateAnonymousLinux = 0x22, PrivateAnonymousMac = 0x1002;
    private const uint Reserve = 0x2000, Commit = 0x1000, Release = 0x8000, WindowsNoAccess = 1, WindowsReadWrite = 4;

    private readonly nint _region;
    private readonly long _regionBytes;
    private readonly byte* _first, _end;    // the accessible pages
    private readonly long _bytes;

    /// <summary><paramref name="bytes"/> of sentinels, directly before a guard page or directly after one.</summary>
    public GuardedMemory(long bytes, bool beforeGuard)
    {
        long page = Environment.SystemPageSize;
        var inner = Math.Max(page, (bytes + page - 1) / page * page);
        _bytes = bytes;
        _regionBytes = inner + 2 * page;
        _region = Allocate(_regionBytes, page, inner);
        _first = (byte*)_region + page;
        _end = _first + inner;
        new Span<uint>(_first, checked((int)(inner / 4))).Fill(Sentinel);
        Address = (nint)(beforeGuard ? _end - bytes : _first);
    }

    /// <summary>The first of the bytes.</summary>
    public nint Address { get; }

    /// <summary>Fails if something was written beside the bytes.</summary>
    public void RequireSlackUntouched(string owner)
    {
        for (var at = _first; at < _end; at++)
        {
            if (at == (byte*)Address) at += _bytes;
            if (at < _end && *at != (byte)(Sentinel >> (int)(8 * (at - _first) % 32)))
                throw new InvalidOperationException($"{owner}: byte {at - (byte*)Address} beside its {_bytes} bytes was written.");
        }
    }

    public void Dispose()
    {
        if (OperatingSystem.IsWindows()) _ = VirtualFree(_region, 0, Release);
        else _ = Unmap(_region, (nuint)_regionBytes);
    }

    private static nint Allocate(long regionBytes, long page, long inner)
    {
        nint region;
        if (OperatingSystem.IsWindows())
        {
            region = VirtualAlloc(0, (nuint)regionBytes, Reserve, WindowsNoAccess);
            if (region == 0 || VirtualAlloc(region + (nint)page, (nuint)inner, Commit, WindowsReadWrite) == 0)
                throw new InvalidOperationException($"the operating system refuses {regionBytes} bytes of guarded memory");
            return region;
        }
        region = Map(0, (nuint)regionBytes, NoAccess, OperatingSystem.IsMacOS() ? PrivateAnonymousMac : PrivateAnonymousLinux, -1, 0);
        if (region == -1 || Protect(region + (nint)page, (nuint)inner, ReadWrite) != 0)
            throw new InvalidOperationException($"the operating system refuses {regionBytes} bytes of guarded memory");
        return region;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);
    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);
    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
    [LibraryImport("kernel32")]
    private static partial nint VirtualAlloc(nint address, nuint length, uint type, uint protection);
    [LibraryImport("kernel32")]
    private static partial int VirtualFree(nint address, nuint length, uint type);
}
