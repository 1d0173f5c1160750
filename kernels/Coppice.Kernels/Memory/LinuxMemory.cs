using System.Runtime.InteropServices;

namespace Coppice.Kernels.Memory;

/// <summary>
/// The hint that lets Linux back a slab with 2 MiB pages: fewer TLB misses when a gigabyte of weights is streamed per token.
/// </summary>
internal static partial class LinuxMemory
{
    private const int MadvHugePage = 14;

    /// <summary>Asks for huge pages. A refusal costs speed only, so the result is ignored.</summary>
    internal static void AdviseHugePages(nint address, long bytes)
    {
        try { _ = Advise(address, (nuint)bytes, MadvHugePage); }
        catch (EntryPointNotFoundException) { }     // a libc without madvise (WASI, some embedded ones)
        catch (DllNotFoundException) { }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nuint length, int advice);
}
