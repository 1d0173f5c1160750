using System.Globalization;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// Tells Linux `perf` the names of assembled kernels: lines of address, bytes and name in /tmp/perf-PID.map, which is where perf looks for
/// code that no file on disk holds. Written where the AppContext switch <see cref="Switch"/> is on; the command sets it where the
/// environment variable COPPICE_PERF_MAP is 1.
/// </summary>
/// <remarks>The runtime's own map (DOTNET_PerfMapEnabled) has the same name; lines are appended, so that both may be on.</remarks>
internal static class PerfMap
{
    internal const string Switch = "Coppice.Kernels.PerfMap";

    private static readonly Lock Gate = new();

    internal static string Path => string.Create(CultureInfo.InvariantCulture, $"/tmp/perf-{Environment.ProcessId}.map");

    /// <summary>Adds kernels; a file that can't be written is no error.</summary>
    internal static void Add(IEnumerable<(nint Address, int Bytes, string Name)> kernels)
    {
        if (!OperatingSystem.IsLinux() || !AppContext.TryGetSwitch(Switch, out var isOn) || !isOn) return;
        try
        {
            lock (Gate)
                File.AppendAllLines(Path, kernels.Select(kernel =>
                    string.Create(CultureInfo.InvariantCulture, $"{kernel.Address:x} {kernel.Bytes:x} coppice::{kernel.Name}")));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
