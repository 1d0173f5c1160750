
namespace Coppice.Execution;

/// <summary>
/// How long a decoding pass takes by its number of rows, t(M): learned from the passes of generations as they come, and followed.
/// </summary>
/// <remarks>
/// The shortest of a size's first passes is its point, once there were a few; the very first, in which code may be compiled, does not
/// count. Points are joined by straight lines. A size that was not measured so is taken to cost what the points say at best, and rows
/// after the last point cost little: optimism in the face of uncertainty, so that drafts of such sizes are tried and thereby measured, and
/// none is given up for a disturbed pass. Later passes are compared with the curve: the ratio, a slow mean, is common to all points,
/// because a longer context makes every pass slower. Sessions share it without a lock: a torn update costs accuracy, and never changes a
/// text.
/// </remarks>
internal sealed class PassCosts
{
    private const int MostRows = 128, Passes = 4, EnoughPasses = 3;
    private const double RowShare = 0.08;       // of the time of one row, for a row more
    private const int LeastPromptRows = 32, FewPromptRows = 8;
    private const double PromptFollow = 0.15;
    private const double Follow = 0.1, Bend = 0.03, Outlier = 2;
    private const double FollowDrafts = 0.02, BendDrafts = 0.15;
    private readonly double[] _seconds = new double[MostRows + 1];      // by rows; 0 where nothing was measured
    private readonly int[] _passes = new int[MostRows + 1];
    private readonly double[] _above = new double[MostRows + 2];        // the least of what is known of as many rows, or more
    private double _scale = 1;
    private double _promptSeconds;      // of a row of a prompt in a pass of many; 0 where none was measured
    private int _last;      // rows of the last point

    /// <summary>Whether plain passes were measured, without which nothing can be said.</summary>
    public bool IsMeasured => IsKnown(1);

    /// <summary>A curve through <paramref name="points"/>, which must have that of one row.</summary>
    public static PassCosts Of(params ReadOnlySpan<(int Rows, double Seconds)> points)
    {
        var costs = new PassCosts();
        foreach (var (rows, seconds) in points)
        {
            costs._seconds[rows] = seconds;
            costs._passes[rows] = Passes;
            costs._last = Math.Max(costs._last, rows);
            costs.Bound(rows);
        }
        return costs;
    }

    public PassCosts() => Array.Fill(_above, double.PositiveInfinity);

    /// <summary>Time of a pass of <paramref name="rows"/>; of one row for every row where nothing was measured.</summary>
    public double Seconds(int rows) => IsMeasured ? _scale * Curve(Math.Max(rows, 1)) : rows;

    /// <summary>A pass of a generation took so long.</summary>
    /// <param name="rows">Its rows.</param>
    /// <param name="seconds">Its time.</param>
    /// <param name="drafts">Whether some of its rows were drafts.</param>
    public void Observe(int rows, double seconds, bool drafts = false)
    {
        if (rows > MostRows) return;
        // Where several sequences run from the start there is no pass of one row: it takes at most as long.
        if (rows > 1 && !IsMeasured) Add(1, seconds);
        if (_passes[rows] < Passes) Add(rows, seconds);
        else if (IsMeasured)
        {
            var ratio = Math.Clamp(seconds / Seconds(rows), 1 / Outlier, Outlier);
            _scale *= Math.Pow(ratio, drafts ? FollowDrafts : Follow);
            _seconds[rows] *= Math.Pow(ratio, drafts ? BendDrafts : Bend);
        }
        Bound(rows);
    }

    /// <summary>Point <paramref name="rows"/> has changed.</summary>
    private void Bound(int rows)
    {
        for (var row = rows; row > 1; row--) _above[row] = IsKnown(row) ? Math.Min(_seconds[row], _above[row + 1]) : _above[row + 1];
    }

    /// <summary>What a row more takes, in seconds, in a pass that has work for every row.</summary>
    public double RowSeconds => _promptSeconds > 0 ? _promptSeconds : RowShare * Seconds(1);

    /// <summary>Rows of a prompt that a pass can take in a number of seconds.</summary>
    public int PromptRows(double seconds)
    {
        var row = _promptSeconds > 0 || IsMeasured ? RowSeconds : 0;
        return row > 0 ? (int)Math.Clamp(seconds / row, 0, int.MaxValue / 2) : int.MaxValue / 2;
    }

    /// <summary>A pass over prompts, with the tokens of some other sequences, took so long.</summary>
    /// <param name="rows">Rows of prompts.</param>
    /// <param name="others">Rows of the others.</param>
    /// <param name="seconds">Its time.</param>
    public void ObservePrompt(int rows, int others, double seconds)
    {
        // A small pass is bound by the reading of weights; beside others that is theirs, and the rest is the rows'.
        if (rows < LeastPromptRows && !(others > 0 && rows >= FewPromptRows && IsMeasured)) return;
        if (others > 0 && IsMeasured) seconds = Math.Max(seconds - Seconds(others), seconds / 4);
        // A bound is kept by believing slow passes at once, and fast ones slowly: a longer context makes every row dearer. One that was
        // disturbed counts double at most.
        var row = seconds / rows;
        if (_promptSeconds > 0) row = Math.Min(row, 2 * _promptSeconds);
        _promptSeconds = row > _promptSeconds ? row : _promptSeconds + PromptFollow * (row - _promptSeconds);
    }

    private void Add(int rows, double seconds)
    {
        seconds /= _scale;
        if (_passes[rows]++ > 0) _seconds[rows] = _seconds[rows] == 0 ? seconds : Math.Min(_seconds[rows], seconds);
        if (IsKnown(rows)) _last = Math.Max(_last, rows);
    }

    private bool IsKnown(int rows) => _passes[rows] >= EnoughPasses;

    /// <summary>More rows never take less time than fewer, whatever a disturbed pass says.</summary>
    private double Curve(int rows)
    {
        var one = _seconds[1];
        if (rows <= MostRows && IsKnown(rows)) return rows == 1 ? one : Math.Max(_above[rows], one);
        var (below, above) = (Math.Min(rows, MostRows), rows + 1);
        while (!IsKnown(below)) below--;
        while (above <= _last && !IsKnown(above)) above++;
        var low = below == 1 ? one : _above[below];
        var slope = above <= _last ? (_above[above] - low) / (above - below)
            : Math.Max(RowShare * one, below == 1 ? 0 : (low - one) / (below - 1));
        var seconds = low + slope * (rows - below);
        if (rows <= MostRows && _seconds[rows] > 0) seconds = Math.Min(seconds, _seconds[rows]);
        return Math.Max(seconds, one);
    }
}
