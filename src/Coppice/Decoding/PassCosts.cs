namespace Coppice.Decoding;

/// <summary>How long a decoding pass takes by its number of rows, t(M): learned from the passes of generations as they come, and followed.</summary>
/// <remarks>
/// The shortest of a size's first passes is its point; the very first, in which code is compiled, does not count. Points are joined by straight lines; behind the
/// last one the line goes on, and while there is only that of one row, rows are taken to cost little, so that drafts of some size are tried and thereby measured.
/// Sizes that no draft had are probed, for which a small share of the time of decoding may go: a wrong guess would keep drafts from them for good.
/// Later passes are compared with the curve: the ratio, a slow mean, is common to all points, because a longer context makes every pass slower.
/// Sessions share it without a lock: a torn update costs accuracy, and never changes a text.
/// </remarks>
internal sealed class PassCosts
{
    private const int MostRows = 128, Passes = 4, PlainPasses = 3, ProbePasses = 3;
    private const double ProbeShare = 0.05, RowShare = 0.15;
    private const double Follow = 0.1, Bend = 0.03, Outlier = 2;
    private readonly double[] _seconds = new double[MostRows + 1];      // by rows; 0 where nothing was measured
    private readonly int[] _passes = new int[MostRows + 1];
    private double _scale = 1, _decoded, _probed;

    private static ReadOnlySpan<int> ProbeOrder => [8, 4, 16, 2, 12, 6, 3, 5, 7, 32];

    /// <summary>Whether plain passes were measured, without which nothing can be said.</summary>
    public bool IsMeasured => _passes[1] >= PlainPasses;

    /// <summary>A curve through <paramref name="points"/>, which must have that of one row.</summary>
    public static PassCosts Of(params ReadOnlySpan<(int Rows, double Seconds)> points)
    {
        var costs = new PassCosts();
        foreach (var (rows, seconds) in points) (costs._seconds[rows], costs._passes[rows]) = (seconds, Passes);
        return costs;
    }

    /// <summary>Time of a pass of <paramref name="rows"/>; of one row for every row where nothing was measured.</summary>
    public double Seconds(int rows) => IsMeasured ? _scale * Curve(Math.Max(rows, 1)) : rows;

    /// <summary>A pass of a generation took so long.</summary>
    public void Observe(int rows, double seconds)
    {
        _decoded += seconds;
        if (rows > MostRows) return;
        if (_passes[rows] < Passes) Add(rows, seconds);
        else if (IsMeasured)
        {
            var ratio = Math.Clamp(seconds / Seconds(rows), 1 / Outlier, Outlier);
            _scale *= Math.Pow(ratio, Follow);
            _seconds[rows] *= Math.Pow(ratio, Bend);
        }
    }

    /// <summary>Rows of a pass that is to be run to see how long it takes, at most <paramref name="most"/>; 0 for none now.</summary>
    public int NextProbe(int most)
    {
        if (!IsMeasured) return 0;
        foreach (var rows in ProbeOrder)
        {
            if (rows <= most && _passes[rows] < ProbePasses) return _probed + Seconds(rows) <= ProbeShare * _decoded ? rows : 0;
        }
        return 0;
    }

    /// <summary>A pass that <see cref="NextProbe"/> asked for took so long.</summary>
    public void Probed(int rows, double seconds)
    {
        _probed += seconds;
        Add(rows, seconds);
    }

    private void Add(int rows, double seconds)
    {
        seconds /= _scale;
        if (_passes[rows]++ > 0) _seconds[rows] = _seconds[rows] == 0 ? seconds : Math.Min(_seconds[rows], seconds);
    }

    /// <summary>More rows never take less time than one, whatever a disturbed pass says.</summary>
    private double Curve(int rows)
    {
        var (to, one) = (rows, _seconds[1]);
        while (to <= MostRows && _seconds[to] == 0) to++;
        if (to == rows) return Math.Max(_seconds[rows], one);
        if (to > MostRows) to = Below(rows);
        if (to == 1) return one * (1 + RowShare * (rows - 1));
        var from = Below(Math.Min(to, rows));
        return Math.Max(_seconds[from] + (_seconds[to] - _seconds[from]) * (rows - from) / (to - from), one);
    }

    /// <summary>The last point below <paramref name="rows"/>, which are more than one.</summary>
    private int Below(int rows)
    {
        var below = Math.Min(rows - 1, MostRows);
        while (_seconds[below] == 0) below--;
        return below;
    }
}
