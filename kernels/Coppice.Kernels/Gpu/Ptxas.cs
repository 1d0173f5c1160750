using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Coppice.Kernels.Gpu;

/// <summary>What one kernel takes of a multiprocessor, as NVIDIA's assembler reports it.</summary>
/// <param name="Name">The kernel.</param>
/// <param name="Architecture">"sm_80".</param>
/// <param name="Registers">32-bit registers of a thread.</param>
/// <param name="SpillStoreBytes">Bytes of registers that did not fit, stored.</param>
/// <param name="SpillLoadBytes">The same, loaded.</param>
/// <param name="StackBytes">Bytes of local memory of a thread.</param>
/// <param name="SharedBytes">Bytes of shared memory of a group.</param>
/// <param name="WarpsPerMultiprocessor">Warps that fit a multiprocessor at once, of 64.</param>
internal sealed record KernelResources(
    string Name, string Architecture, int Registers, int SpillStoreBytes, int SpillLoadBytes, int StackBytes, int SharedBytes,
        int WarpsPerMultiprocessor);

/// <summary>
/// NVIDIA's PTX assembler, where there is one: a check of the emitted text and the only source of register counts without a GPU.
/// </summary>
internal sealed partial class Ptxas
{
    private readonly string _path;

    private Ptxas(string path) => _path = path;

    /// <summary>
    /// The first of <paramref name="candidates"/> that exists: paths of the program or of folders that hold it or usr/bin/ptxas; null where
    /// none does.
    /// </summary>
    internal static Ptxas? Find(IEnumerable<string> candidates)
    {
        foreach (var candidate in candidates)
        {
            string[] paths = [candidate, Path.Combine(candidate, "ptxas"), Path.Combine(candidate, "usr", "bin", "ptxas"),
                Path.Combine(candidate, "ptxas.exe")];
            if (Array.Find(paths, File.Exists) is { } path) return new Ptxas(path);
        }
        return null;
    }

    /// <summary>Assembles <paramref name="ptx"/> and reads what it takes.</summary>
    /// <exception cref="InvalidOperationException">The assembler rejects the text; the message is its own.</exception>
    internal KernelResources Assemble(DeviceKernel kernel, string ptx, string architecture)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, ptx);
            var report = Run(["-v", $"-arch={architecture}", "-o", file + ".cubin", file]);
            return Read(kernel, architecture, report);
        }
        finally
        {
            File.Delete(file);
            File.Delete(file + ".cubin");
        }
    }

    private string Run(string[] arguments)
    {
        var start = new ProcessStartInfo(_path, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd() + output.GetAwaiter().GetResult();
        process.WaitForExit();
        return process.ExitCode == 0 ? error
            : throw new InvalidOperationException($"ptxas: the text must assemble, got status {process.ExitCode}: {error}");
    }

    private static KernelResources Read(DeviceKernel kernel, string architecture, string report)
    {
        var entry = report.IndexOf("Compiling entry function", StringComparison.Ordinal);
        if (entry < 0) throw new InvalidOperationException($"ptxas: the report must name an entry function, got: {report}");
        var text = report[entry..];
        var registers = Number(RegistersPattern(), text);
        var shared = Number(SharedPattern(), text);
        return new KernelResources(kernel.Name, architecture, registers, Number(SpillStorePattern(), text),
            Number(SpillLoadPattern(), text),
            Number(StackPattern(), text), shared, Warps(architecture, registers, shared, kernel.GroupSize));
    }

    private static int Number(Regex pattern, string text) =>
        pattern.Match(text) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;

    /// <summary>
    /// Warps that fit: 65,536 registers in units of 256 a warp, 164 or 228 KiB of shared memory in units of 128 bytes with 1 KiB a group
    /// reserved, 32 groups, 64 warps.
    /// </summary>
    /// <remarks>Source: CUDA C++ Programming Guide, compute capabilities 8.0 and 9.0.</remarks>
    internal static int Warps(string architecture, int registers, int sharedBytes, int groupSize)
    {
        var warpsOfGroup = (groupSize + 31) / 32;
        var registersOfWarp = (registers * 32 + 255) / 256 * 256;
        var sharedOfMultiprocessor = (architecture == "sm_80" ? 164 : 228) << 10;
        var sharedOfGroup = (sharedBytes + 127) / 128 * 128 + 1024;
        var groups = Math.Min(Math.Min(32, 64 / warpsOfGroup),
            Math.Min(65536 / registersOfWarp / warpsOfGroup, sharedOfMultiprocessor / sharedOfGroup));
        return groups * warpsOfGroup;
    }

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex RegistersPattern();
    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex SharedPattern();
    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex StackPattern();
    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStorePattern();
    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoadPattern();
}
