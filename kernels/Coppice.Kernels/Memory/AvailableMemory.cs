using System.Runtime.InteropServices;
using System.Text;

namespace Coppice.Kernels.Memory;

/// <summary>Native memory that this process can still get. What limits the collector's heap does not count: pools are not on it.</summary>
internal static unsafe partial class AvailableMemory
{
    /// <summary>
    /// For how long an answer is given again, in milliseconds: a model that is loaded asks half a dozen times, once a pool, and each time
    /// would read a dozen files.
    /// </summary>
    private const int Lasts = 10;

    private static readonly Lock Reading = new();
    private static long _bytes, _readAt = long.MinValue;

    /// <summary>Bytes, as of the last <see cref="Lasts"/> milliseconds. Costs some system calls; not for the token loop.</summary>
    internal static long Bytes
    {
        get
        {
            lock (Reading)
            {
                var now = Environment.TickCount64;
                if (_readAt != long.MinValue && now - _readAt < Lasts) return _bytes;
                (_bytes, _readAt) = (Read(), now);
                return _bytes;
            }
        }
    }

    private static long Read()
    {
        var bytes = OperatingSystem.IsLinux() || OperatingSystem.IsAndroid() ? LinuxAvailableMemory.Read(ReadText)
            : OperatingSystem.IsWindows() ? Windows()
            : OperatingSystem.IsMacOS() ? Mac()
            : null;
        return bytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
    }

    /// <summary>The text of a small file of the kernel's, which have no length; null where there is none.</summary>
    private static string? ReadText(string path)
    {
        // Many groups have no limit and so no such file: asking first costs less than an exception.
        if (!File.Exists(path)) return null;
        try
        {
            using var file = File.OpenHandle(path);
            Span<byte> start = stackalloc byte[8192];
            var count = 0;
            while (RandomAccess.Read(file, start[count..], count) is var more and > 0) count += more;
            return count < start.Length ? Encoding.UTF8.GetString(start[..count]) : File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Physical memory that is free, within what may still be committed.</summary>
    private static long? Windows()
    {
        var status = new MemoryStatus { Length = (uint)sizeof(MemoryStatus) };
        return GlobalMemoryStatus(ref status)
            ? (long)Math.Min(Math.Min(status.AvailablePhysical, status.AvailablePageFile), long.MaxValue) : null;
    }

    /// <summary>Pages that are free, and those of files and caches that the kernel may take back.</summary>
    private static long? Mac()
    {
        try
        {
            if (Count("vm.page_free_count") is not { } free) return null;
            var files = Count("vm.page_pageable_external_count") ?? 0;
            var caches = Count("vm.page_purgeable_count") ?? 0;
            return (free + files + caches) * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    private static long? Count(string name)
    {
        uint count = 0;
        nuint size = sizeof(uint);
        return SystemControl(name, &count, &size, null, 0) == 0 && size == sizeof(uint) ? count : null;
    }

    /// <summary>MEMORYSTATUSEX.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryStatus
    {
        internal uint Length, Load;
        internal ulong TotalPhysical, AvailablePhysical, TotalPageFile, AvailablePageFile, TotalVirtual, AvailableVirtual,
            AvailableExtended;
    }

    [LibraryImport("kernel32", EntryPoint = "GlobalMemoryStatusEx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GlobalMemoryStatus(ref MemoryStatus status);

    [LibraryImport("libc", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SystemControl(string name, void* value, nuint* size, void* newValue, nuint newSize);
}
