using System.Runtime.InteropServices;

namespace Coppice.Kernels.Memory;

/// <summary>Native memory that this process can still get. What limits the collector's heap does not count: pools are not on it.</summary>
internal static unsafe partial class AvailableMemory
{
    /// <summary>Bytes, as of now. Costs some system calls; not for the token loop.</summary>
    internal static long Bytes
    {
        get
        {
            var bytes = OperatingSystem.IsLinux() || OperatingSystem.IsAndroid() ? LinuxAvailableMemory.Read(ReadText)
                : OperatingSystem.IsWindows() ? Windows()
                : OperatingSystem.IsMacOS() ? Mac()
                : null;
            return bytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        }
    }

    private static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
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
