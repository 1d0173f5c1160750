using System.Globalization;
using System.Text;

namespace Coppice.Server.Metrics;

/// <summary>Counts of times by upper bounds, as Prometheus has them: each bucket counts what is at most its bound.</summary>
internal sealed class Histogram(params double[] bounds)
{
    private readonly long[] _counts = new long[bounds.Length + 1];
    private readonly Lock _gate = new();
    private double _sum;

    /// <summary>Adds a time in seconds.</summary>
    public void Add(double seconds)
    {
        var bucket = 0;
        while (bucket < bounds.Length && seconds > bounds[bucket]) bucket++;
        lock (_gate)
        {
            _counts[bucket]++;
            _sum += seconds;
        }
    }

    /// <summary>Writes the lines of the metric <paramref name="name"/> with <paramref name="label"/>.</summary>
    public void Write(StringBuilder text, string name, string label)
    {
        long[] counts;
        double sum;
        lock (_gate) (counts, sum) = ([.. _counts], _sum);
        var total = 0L;
        for (var i = 0; i < counts.Length; i++)
        {
            total += counts[i];
            var bound = i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
            text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{label},le=\"{bound}\"}} {total}\n");
        }
        text.Append(CultureInfo.InvariantCulture, $"{name}_sum{{{label}}} {sum}\n{name}_count{{{label}}} {total}\n");
    }
}
