using System.Runtime.InteropServices;

namespace Coppice.Kernels.Assembled;

/// <summary>Memory for machine code: written once, then readable and executable, never writable and executable at a time.</summary>
/// <remarks>
/// It is kept until the process ends: kernels are few, and any thread may be in one. A host whose policy forbids such memory may say so by
/// the AppContext switch <see cref="Switch"/>, false: then the system is not asked.
/// </remarks>
internal static unsafe partial class ExecutableMemory
{
    internal const string Switch = "Coppice.Kernels.AssembledKernels";

    private const int Read = 1, Write = 2, Execute = 4;                     // PROT_*
    private const int Private = 2;                                          // MAP_PRIVATE
    private const int WindowsCommit = 0x3000, WindowsReadWrite = 4, WindowsExecuteRead = 0x20;

    /// <summary>Copies <paramref name="code"/> to where it can be called; 0 where the system refuses.</summary>
    internal static nint Map(ReadOnlySpan<byte> code)
    {
        if (AppContext.TryGetSwitch(Switch, out var isAllowed) && !isAllowed) return 0;
        try
        {
            return OperatingSystem.IsWindows() ? MapOnWindows(code) : MapOnUnix(code);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return 0;
        }
    }

    private static nint MapOnUnix(ReadOnlySpan<byte> code)
    {
        var anonymous = OperatingSystem.IsLinux() ? 0x20 : 0x1000;          // MAP_ANONYMOUS
        var memory = Mmap(0, (nuint)code.Length, Read | Write, Private | anonymous, -1, 0);
        if (memory is 0 or -1) return 0;
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        if (Mprotect(memory, (nuint)code.Length, Read | Execute) == 0) return memory;
        _ = Munmap(memory, (nuint)code.Length);
        return 0;
    }

    private static nint MapOnWindows(ReadOnlySpan<byte> code)
    {
        var memory = VirtualAlloc(0, (nuint)code.Length, WindowsCommit, WindowsReadWrite);
        if (memory == 0) return 0;
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        if (!VirtualProtect(memory, (nuint)code.Length, WindowsExecuteRead, out _)) return 0;
        return FlushInstructionCache(-1, memory, (nuint)code.Length) ? memory : 0;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Munmap(nint address, nuint length);

    [LibraryImport("kernel32", EntryPoint = "VirtualAlloc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial nint VirtualAlloc(nint address, nuint size, int type, int protection);

    [LibraryImport("kernel32", EntryPoint = "VirtualProtect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualProtect(nint address, nuint size, int protection, out int before);

    [LibraryImport("kernel32", EntryPoint = "FlushInstructionCache")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FlushInstructionCache(nint process, nint address, nuint size);
}
