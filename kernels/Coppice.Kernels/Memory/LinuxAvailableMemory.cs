using System.Globalization;

namespace Coppice.Kernels.Memory;

/// <summary>
/// Memory that a Linux process can still get: what the kernel counts as available, within the limits of every control group around it.
/// </summary>
/// <remarks>
/// Reads texts of /proc and of the control groups' file system, versions 1 and 2. Whatever is missing or malformed is no limit.
/// Sources: proc_meminfo(5), proc_pid_mountinfo(5), cgroups(7), and the kernel's cgroup-v1/memory.rst and cgroup-v2.rst.
/// </remarks>
internal static class LinuxAvailableMemory
{
    /// <summary>Bytes; null where /proc tells nothing.</summary>
    /// <param name="read">The text of a file, or null where it cannot be read.</param>
    internal static long? Read(Func<string, string?> read)
    {
        var available = MemInfo(read("/proc/meminfo") ?? "");
        foreach (var level in Levels(read("/proc/self/cgroup") ?? "", read("/proc/self/mountinfo") ?? "", read))
        {
            if (Room(level, read) is { } room && !(available <= room)) available = room;
        }
        return available;
    }

    /// <summary>MemAvailable, or its parts where the kernel is too old to add them up.</summary>
    private static long? MemInfo(string text)
    {
        if (Kilobytes(text, "MemAvailable") is { } available) return available;
        if (Kilobytes(text, "MemFree") is not { } free) return null;
        return Add(Add(free, Kilobytes(text, "Buffers") ?? 0), Kilobytes(text, "Cached") ?? 0);
    }

    /// <summary>
    /// What a control group may still take: its limit less what it uses, files that can be dropped aside. Null where it has no limit.
    /// </summary>
    private static long? Room(Level level, Func<string, string?> read)
    {
        var names = level.IsUnified ? ("memory.max", "memory.current", "inactive_file")
            : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
        var (limitFile, usageFile, droppable) = names;
        if (Number(read($"{level.Folder}/{limitFile}")) is not { } limit) return null;
        var used = Number(read($"{level.Folder}/{usageFile}")) ?? 0;
        var files = Counter(read($"{level.Folder}/memory.stat") ?? "", droppable) ?? 0;
        return Math.Max(0, limit - Math.Max(0, used - files));
    }

    /// <summary>The groups that the process is in, of each version from its own to the outermost that is mounted.</summary>
    private static IEnumerable<Level> Levels(string groups, string mounts, Func<string, string?> read)
    {
        foreach (var line in Lines(groups))
        {
            if (line.Split(':', 3) is not [_, var controllers, var path]) continue;
            var isUnified = controllers.Length == 0;
            if (!isUnified && !controllers.Split(',').Contains("memory")) continue;
            if (Mount(mounts, isUnified) is not { } mount) continue;
            for (var below = Below(mount.Root, path); ; below = below[..below.LastIndexOf('/')])
            {
                var folder = mount.Point.TrimEnd('/') + below;
                yield return new Level(folder, isUnified);
                // In version 1 a group counts what is below it only where it says so.
                if (below.Length == 0) break;
                var parent = mount.Point.TrimEnd('/') + below[..below.LastIndexOf('/')];
                if (!isUnified && read($"{parent}/memory.use_hierarchy")?.Trim() == "0") break;
            }
        }
    }

    /// <summary>Where the groups are mounted, and which of them is mounted there.</summary>
    private static (string Root, string Point)? Mount(string mounts, bool isUnified)
    {
        foreach (var line in Lines(mounts))
        {
            // number parent device root point options tags… - type source options
            var fields = line.Split(' ');
            var end = Array.IndexOf(fields, "-");
            if (end < 5 || end + 3 >= fields.Length) continue;
            var isMount = isUnified ? fields[end + 1] == "cgroup2" : fields[end + 1] == "cgroup"
                && fields[end + 3].Split(',').Contains("memory");
            if (isMount) return (Unescape(fields[3]), Unescape(fields[4]));
        }
        return null;
    }

    /// <summary>A group's path below the mounted one, "" for that itself or for one outside of it, as namespaces make them.</summary>
    private static string Below(string root, string path)
    {
        path = path.TrimEnd('/');
        root = root.TrimEnd('/');
        var isInside = path.StartsWith(root, StringComparison.Ordinal) && (path.Length == root.Length || path[root.Length] == '/');
        return isInside && !path.Split('/').Contains("..") ? path[root.Length..] : "";
    }

    /// <summary>Blanks and backslashes in a mount's paths are written in octal: \040.</summary>
    private static string Unescape(string path) =>
        path.Replace(@"\040", " ", StringComparison.Ordinal).Replace(@"\011", "\t", StringComparison.Ordinal).Replace(@"\134",
            @"\", StringComparison.Ordinal);

    /// <summary>"name:   123 kB" as bytes.</summary>
    private static long? Kilobytes(string text, string name)
    {
        foreach (var each in text.AsSpan().EnumerateLines())
        {
            var line = each.Trim();
            if (!line.StartsWith(name, StringComparison.Ordinal) || line.Length <= name.Length || line[name.Length] != ':') continue;
            var words = line[(name.Length + 1)..].Trim();
            var isCount = words.EndsWith(" kB", StringComparison.Ordinal);
            return isCount && Number(words[..^3]) is { } kilobytes ? Math.Min(kilobytes, long.MaxValue / 1024) * 1024 : null;
        }
        return null;
    }

    /// <summary>"name 123" of a list of counters.</summary>
    private static long? Counter(string text, string name)
    {
        foreach (var each in text.AsSpan().EnumerateLines())
        {
            var line = each.Trim();
            if (line.Length > name.Length && line[name.Length] == ' ' && line.StartsWith(name, StringComparison.Ordinal))
                return Number(line[(name.Length + 1)..]);
        }
        return null;
    }

    /// <summary>A count that is not negative, at most <see cref="long.MaxValue"/>; null for any other word, "max" among them.</summary>
    private static long? Number(ReadOnlySpan<char> text) =>
        ulong.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (long)Math.Min(number, long.MaxValue) : null;

    private static long Add(long a, long b) => a > long.MaxValue - b ? long.MaxValue : a + b;

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>A control group's folder, and whether it is of version 2.</summary>
    private readonly record struct Level(string Folder, bool IsUnified);
}
