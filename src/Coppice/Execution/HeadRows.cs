using System.Diagnostics;
using Coppice.Decoding.Verification;
using Coppice.Models;

namespace Coppice.Execution;

/// <summary>The logits that the head has computed of a pass so far, and the largest of each row on the host.</summary>
/// <remarks>
/// Rows are filled one after the other; where they run out, all are forgotten and filling begins anew in the next <see cref="Epoch"/>: what
/// a sequence still needs of the earlier ones it computes again. Used under the runner's gate.
/// </remarks>
internal sealed class HeadRows(Transformer model, Workspace workspace)
{
    /// <summary>The place of a row that was not computed.</summary>
    public const int None = -1;

    private readonly int[] _topTokens = new int[workspace.Size.LogitRows * WorkspaceSize.MaxTopCount];
    private readonly float[] _topLogits = new float[workspace.Size.LogitRows * WorkspaceSize.MaxTopCount];
    private int _computed, _fetched;
    private long _ticks;

    /// <summary>Rows that fit.</summary>
    public int Capacity => workspace.Size.LogitRows;
    /// <summary>Rows computed in this epoch.</summary>
    public int Count => _computed;
    /// <summary>Counts how often all rows were forgotten.</summary>
    public int Epoch { get; private set; }
    /// <summary>Time of all runs and copies since the runner was made.</summary>
    public TimeSpan Time => Stopwatch.GetElapsedTime(0, _ticks);

    /// <summary>Forgets all rows: another pass has run, or their places are needed.</summary>
    public void Restart()
    {
        (_computed, _fetched) = (0, 0);
        Epoch++;
    }

    /// <summary>
    /// Computes the logits of <paramref name="rows"/> of the pass, at most <see cref="Capacity"/>, and the <paramref name="topCount"/>
    /// largest of each.
    /// </summary>
    /// <returns>The place of the first of them; the others follow.</returns>
    public int Compute(ReadOnlySpan<int> rows, int topCount)
    {
        if (_computed + rows.Length > Capacity) Restart();
        var start = Stopwatch.GetTimestamp();
        var first = _computed;
        topCount = Math.Min(topCount, workspace.TopTokens.Last);
        if (topCount == 0) model.Logits(workspace, rows, first);
        else
        {
            var best = workspace.TopLogits.Slice(first, rows.Length).Columns(0, topCount);
            var tokens = workspace.TopTokens.Slice(first, rows.Length).Columns(0, topCount);
            model.Logits(workspace, rows, first, best, tokens);
        }
        _computed += rows.Length;
        _ticks += Stopwatch.GetTimestamp() - start;
        return first;
    }

    /// <summary>Copies the logits of <paramref name="count"/> rows from <paramref name="place"/> on to the host.</summary>
    public void Download(int place, int count, Span<float> logits)
    {
        var start = Stopwatch.GetTimestamp();
        model.Backend.Download(workspace.Logits.Slice(place, count), logits);
        _ticks += Stopwatch.GetTimestamp() - start;
    }

    /// <summary>The largest logits of one row and their tokens.</summary>
    public ReadOnlySpan<int> Best(int place, int count, out ReadOnlySpan<float> logits)
    {
        Fetch();
        var (first, length) = (place * workspace.TopTokens.Last, Math.Min(count, workspace.TopTokens.Last));
        logits = _topLogits.AsSpan(first, length);
        return _topTokens.AsSpan(first, length);
    }

    /// <summary>The largest logits of the rows at <paramref name="places"/>.</summary>
    public TopRows Top(ReadOnlySpan<int> places, int count)
    {
        Fetch();
        return new TopRows(places, _topTokens, _topLogits, workspace.TopTokens.Last, Math.Min(count, workspace.TopTokens.Last));
    }

    /// <summary>Copies the largest logits of the rows that were computed since to the host.</summary>
    private void Fetch()
    {
        var (first, rows, width) = (_fetched, _computed - _fetched, workspace.TopTokens.Last);
        if (rows == 0) return;
        var start = Stopwatch.GetTimestamp();
        model.Backend.Download(workspace.TopLogits.Slice(first, rows), _topLogits.AsSpan(first * width, rows * width));
        model.Backend.Download(workspace.TopTokens.Slice(first, rows), _topTokens.AsSpan(first * width, rows * width));
        _fetched = _computed;
        _ticks += Stopwatch.GetTimestamp() - start;
    }
}
