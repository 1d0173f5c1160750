namespace Coppice.Text.PreTokenizers;

/// <summary>Turns stretches into pieces as a <see cref="SplitBehavior"/> says; empty pieces are left out.</summary>
internal static class Stretches
{
    /// <summary>
    /// Appends the pieces that <paramref name="stretches"/>, in order and without gaps, make of <paramref name="piece"/>.
    /// </summary>
    public static void Cut(in Piece piece, List<Stretch> stretches, SplitBehavior behavior, List<Piece> output)
    {
        if (behavior == SplitBehavior.MergedWithNext)
        {
            CutBeforeMatches(piece, stretches, output);
            return;
        }
        var (start, end, previous) = (0, 0, false);
        var open = false;
        foreach (var stretch in stretches)
        {
            var joins = behavior switch
            {
                SplitBehavior.Contiguous => stretch.IsMatch == previous,
                SplitBehavior.MergedWithPrevious => stretch.IsMatch && !previous,
                _ => false,
            };
            if (!(joins && open))
            {
                Add(piece, start, end, output);
                start = stretch.Start;
                open = true;
            }
            end = stretch.End;
            previous = stretch.IsMatch;
            if (behavior == SplitBehavior.Removed && stretch.IsMatch) start = end;
        }
        Add(piece, start, end, output);
    }

    private static void CutBeforeMatches(in Piece piece, List<Stretch> stretches, List<Piece> output)
    {
        // A match joins the stretch after it, unless that is a match too; then it stays alone.
        var start = -1;
        for (var i = 0; i < stretches.Count; i++)
        {
            if (start < 0) start = stretches[i].Start;
            var joinsNext = stretches[i].IsMatch && i + 1 < stretches.Count && !stretches[i + 1].IsMatch;
            if (joinsNext) continue;
            Add(piece, start, stretches[i].End, output);
            start = -1;
        }
    }

    private static void Add(in Piece piece, int from, int to, List<Piece> output)
    {
        if (to > from) output.Add(piece.Part(from, to));
    }
}
