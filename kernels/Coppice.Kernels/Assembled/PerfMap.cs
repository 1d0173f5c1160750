using System.Globalization;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// Tells Linux `perf` the names of assembled kernels: lines of address, bytes and name in perf-PID.map in the folder for temporary files,
/// which is where perf looks for code that no file on disk holds. Written where the AppContext switch <see cref="Switch"/> is on; the
/// command sets it where the environment variable COPPICE_PERF_MAP is 1.
/// </summary>
/// <remarks>
/// The runtime's own map (DOTNET_PerfMapEnabled) has the same name, and the runtime writes over what others append. Where that file is
/// there, ours are added when the process ends.
/// </remarks>
internal static class PerfMap
{
    internal const string Switch = "Coppice.Kernels.PerfMap";

    private static readonly Lock Gate = new();
    private static bool _isOurs;

    internal static string Path =>
        string.Create(CultureInfo.InvariantCulture, $"{System.IO.Path.GetTempPath()}perf-{Environment.ProcessId}.map");

    /// <summary>Adds kernels; a file that can't be written is no error.</summary>
    internal static void Add(IEnumerable<(nint Address, int Bytes, string Name)> kernels)
    {
        if (!OperatingSystem.IsLinux() || !AppContext.TryGetSwitch(Switch, out var isOn) || !isOn) return;
        string[] lines = [.. kernels.Select(kernel =>
            string.Create(CultureInfo.InvariantCulture, $"{kernel.Address:x} {kernel.Bytes:x} coppice::{kernel.Name}"))];
        if (!_isOurs && File.Exists(Path))
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) => Append(lines);
            return;
        }
        _isOurs = true;
        Append(lines);
    }

    private static void Append(string[] lines)
    {
        try
        {
            lock (Gate) File.AppendAllLines(Path, lines);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
