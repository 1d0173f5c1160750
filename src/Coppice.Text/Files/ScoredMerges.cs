namespace Coppice.Text.Files;

/// <summary>The merges that scored pieces amount to: every way to put a piece together from two others, the best scores first.</summary>
internal static class ScoredMerges
{
    /// <summary>Longer pieces than this are not taken apart: no such piece is real, and the work grows with the square.</summary>
    private const int LongestPiece = 512;

    /// <summary>
    /// The merges of <paramref name="pieces"/>: higher score of the whole first, then longer left and longer right parts.
    /// </summary>
    public static IEnumerable<(string Left, string Right)> Of(List<ScoredPiece> pieces)
    {
        var ids = new Dictionary<string, int>();
        for (var id = 0; id < pieces.Count; id++) ids[pieces[id].Text] = id;
        var lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        var merges = new List<Merge>();
        foreach (var piece in pieces)
        {
            if (piece.Kind is not (PieceKind.Normal or PieceKind.UserDefined) || piece.Text.Length > LongestPiece) continue;
            var first = merges.Count;
            for (var cut = 1; cut < piece.Text.Length; cut++)
            {
                if (char.IsLowSurrogate(piece.Text[cut])) continue;
                if (lookup.TryGetValue(piece.Text.AsSpan(0, cut), out var left)
                    && lookup.TryGetValue(piece.Text.AsSpan(cut), out var right))
                    merges.Add(new Merge(piece, cut, left, right));
            }
            merges.Sort(first, merges.Count - first, Comparer<Merge>.Create((a, b) => (a.Left, a.Right).CompareTo((b.Left, b.Right))));
        }
        return merges
            .OrderByDescending(merge => merge.Whole.Score)
            .ThenByDescending(merge => merge.Cut)
            .ThenByDescending(merge => merge.Whole.Text.Length - merge.Cut)
            .Select(merge => (merge.Whole.Text[..merge.Cut], merge.Whole.Text[merge.Cut..]));
    }

    private sealed record Merge(ScoredPiece Whole, int Cut, int Left, int Right);
}
