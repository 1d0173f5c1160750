using System.Text;

namespace Coppice.Text.TokenModels;

/// <summary>
/// The pairs of neighbouring letters that some merge joins. Where two letters are no such pair no merge ever reaches across, so a long text
/// may be cut there and its parts merged apart: the result is the same.
/// </summary>
internal sealed class MergeBoundaries
{
    private readonly MergeTable _joined;

    private MergeBoundaries(MergeTable joined) => _joined = joined;

    /// <summary>The boundaries of the merges over a vocabulary, given as pairs of ids.</summary>
    public static MergeBoundaries Of(Vocabulary vocabulary, IReadOnlyCollection<(int Left, int Right)> merges)
    {
        var pairs = new HashSet<(int, int)>();
        foreach (var (left, right) in merges)
        {
            vocabulary.TryText(left, out var before);
            vocabulary.TryText(right, out var after);
            if (Rune.DecodeLastFromUtf8(before, out var last, out _) != System.Buffers.OperationStatus.Done) continue;
            if (Rune.DecodeFromUtf8(after, out var first, out _) != System.Buffers.OperationStatus.Done) continue;
            pairs.Add((last.Value, first.Value));
        }
        var joined = new MergeTable(pairs.Count);
        foreach (var (last, first) in pairs) joined.Add(last, first, 0, 0);
        return new MergeBoundaries(joined);
    }

    /// <summary>Whether a merge may reach across the place between these letters.</summary>
    public bool Joins(int before, int after) => _joined.TryFind(before, after, out _, out _);
}
