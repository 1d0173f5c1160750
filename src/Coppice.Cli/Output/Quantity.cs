using System.Globalization;

namespace Coppice.Cli;

/// <summary>Numbers as people read them.</summary>
internal static class Quantity
{
    private static readonly string[] Units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>"512 bytes", "1.5 GiB".</summary>
    public static string Bytes(long bytes)
    {
        var (value, unit) = ((double)bytes, 0);
        while (Math.Abs(value) >= 1024 && unit < Units.Length - 1) (value, unit) = (value / 1024, unit + 1);
        return unit == 0 ? $"{bytes} bytes" : $"{Number(value)} {Units[unit]}";
    }

    /// <summary>"134.5 million".</summary>
    public static string Count(long count) => count switch
    {
        >= 1_000_000_000 => $"{Number(count / 1e9)} billion",
        >= 1_000_000 => $"{Number(count / 1e6)} million",
        _ => count.ToString("N0", CultureInfo.InvariantCulture),
    };

    /// <summary>Three digits or so: "0.123", "12.3", "1234".</summary>
    public static string Number(double value) =>
        value.ToString(
            Math.Abs(value) switch { >= 100 => "0", >= 10 => "0.0", >= 1 => "0.00", _ => "0.000" }, CultureInfo.InvariantCulture);

    /// <summary>"28 %", "100 %".</summary>
    public static string Percent(double share) => (100 * share).ToString("0", CultureInfo.InvariantCulture) + " %";

    /// <summary>"38 ms", "1.25 s".</summary>
    public static string Time(TimeSpan time) =>
        time.TotalSeconds < 1
            ? $"{time.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)} ms"
            : $"{Number(time.TotalSeconds)} s";
}
