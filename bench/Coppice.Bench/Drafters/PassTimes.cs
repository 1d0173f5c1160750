using System.Globalization;
using Coppice.Execution;

namespace Coppice.Bench.Drafters;

/// <summary>Pass times that are given instead of measured: "rows:time rows:time …".</summary>
internal static class PassTimes
{
    /// <summary>Reads <paramref name="text"/>, which must have the time of one row.</summary>
    public static PassCosts Parse(string text) => PassCosts.Of([.. text.Split(' ').Select(Point)]);

    private static (int Rows, double Seconds) Point(string text)
    {
        var parts = text.Split(':');
        return (int.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
