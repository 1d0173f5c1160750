namespace Coppice.Conversion;

/// <summary>Where a conversion writes to.</summary>
internal static class Destination
{
    /// <summary>Nothing is there yet, its folder is, and <paramref name="bytes"/> fit on the disk.</summary>
    /// <exception cref="ConversionException">Otherwise.</exception>
    public static void Check(string path, long bytes)
    {
        var full = Path.GetFullPath(path);
        if (Path.Exists(full)) throw new ConversionException($"{path}: must not be there yet (remove it, or choose another name).");
        var folder = Path.GetDirectoryName(full);
        if (folder is null || !Directory.Exists(folder))
            throw new ConversionException($"{path}: the folder that it goes to must be there, found none.");
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (bytes > free) throw new ConversionException($"{path}: needs {bytes:N0} bytes, but {free:N0} are free on that disk.");
    }
}
