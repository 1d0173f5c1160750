using System.Diagnostics;

namespace Coppice.Decoding;

/// <summary>How long a decoding pass takes by its number of rows, t(M): measured once, then followed while decoding.</summary>
/// <remarks>
/// Points that were measured are joined by straight lines; behind the last one the line goes on. What passes of one generation take is compared with the
/// curve: the ratio, a slow mean, is common to all points, because a longer context makes every pass slower. One thread at a time.
/// </remarks>
internal sealed class PassCosts
{
    private const int Passes = 4;
    private static readonly TimeSpan Budget = TimeSpan.FromMilliseconds(300);
    private const double Follow = 0.1, Bend = 0.03, Outlier = 2;
    private readonly List<(int Rows, double Seconds)> _points = [];
    private double _scale = 1;

    /// <summary>Whether a point was measured.</summary>
    public bool IsMeasured => _points.Count > 0;

    /// <summary>A curve through <paramref name="points"/>.</summary>
    public static PassCosts Of(params ReadOnlySpan<(int Rows, double Seconds)> points)
    {
        var costs = new PassCosts();
        foreach (var (rows, seconds) in points) costs.Set(rows, seconds);
        return costs;
    }

    /// <summary>Time of a pass of <paramref name="rows"/>; of one row for every row where nothing was measured.</summary>
    public double Seconds(int rows) => _scale * Curve(rows);

    /// <summary>The points without what the last passes took, in ascending order.</summary>
    public IReadOnlyList<(int Rows, double Seconds)> Points => _points;

    /// <summary>Measures a point.</summary>
    public void Set(int rows, double seconds)
    {
        var at = _points.FindIndex(point => point.Rows >= rows);
        if (at >= 0 && _points[at].Rows == rows) _points[at] = (rows, seconds);
        else _points.Insert(at < 0 ? _points.Count : at, (rows, seconds));
    }

    /// <summary>Measures points with <paramref name="run"/>, the shortest of a few passes each, until a time is up; in the order in which they matter.</summary>
    /// <param name="most">Rows of the largest pass.</param>
    /// <param name="run">Runs a pass of so many rows and says how long it took.</param>
    public void Measure(int most, Func<int, TimeSpan> run)
    {
        var start = Stopwatch.GetTimestamp();
        foreach (var rows in (ReadOnlySpan<int>)[1, 8, 4, 16, 2, 12, 6, 3, 5, 7, 32])
        {
            if (rows > most) continue;
            var shortest = run(rows);
            for (var i = 1; i < Passes && (Stopwatch.GetElapsedTime(start) < Budget || rows == 1); i++)
            {
                var time = run(rows);
                if (time < shortest) shortest = time;
            }
            Set(rows, shortest.TotalSeconds);
            if (rows > 1 && Stopwatch.GetElapsedTime(start) > Budget) break;
        }
        Straighten();
    }

    /// <summary>A pass of a generation took so long.</summary>
    public void Observe(int rows, double seconds)
    {
        if (!IsMeasured) return;
        var ratio = Math.Clamp(seconds / Seconds(rows), 1 / Outlier, Outlier);
        _scale *= Math.Pow(ratio, Follow);
        for (var i = 0; i < _points.Count; i++)
        {
            if (_points[i].Rows == rows) _points[i] = (rows, _points[i].Seconds * Math.Pow(ratio, Bend));
        }
    }

    /// <summary>More rows never take less time: what a disturbed measurement says otherwise is lifted.</summary>
    private void Straighten()
    {
        for (var i = 1; i < _points.Count; i++) _points[i] = (_points[i].Rows, Math.Max(_points[i].Seconds, _points[i - 1].Seconds));
    }

    private double Curve(int rows)
    {
        if (_points.Count == 0) return rows;
        if (rows <= _points[0].Rows || _points.Count == 1) return _points[0].Seconds;
        var i = 1;
        while (i < _points.Count - 1 && _points[i].Rows < rows) i++;
        var ((fromRows, from), (toRows, to)) = (_points[i - 1], _points[i]);
        return from + (to - from) * (rows - fromRows) / (toRows - fromRows);
    }
}
