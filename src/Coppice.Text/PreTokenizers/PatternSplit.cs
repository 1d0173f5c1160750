using Coppice.Text.Patterns;

namespace Coppice.Text.PreTokenizers;

/// <summary>Cuts at the matches of a pattern, or with <c>invert</c> takes what lies between the matches as the delimiters.</summary>
internal sealed class PatternSplit : PreTokenizer
{
    private readonly Pattern _pattern;
    private readonly SplitBehavior _behavior;
    private readonly bool _invert;

    public PatternSplit(Pattern pattern, SplitBehavior behavior, bool invert)
    {
        _pattern = pattern;
        _behavior = behavior;
        _invert = invert;
    }

    /// <inheritdoc/>
    public override SpaceRule? AtSpace => _pattern.IsScanned
        ? _behavior == SplitBehavior.Isolated || (_behavior == SplitBehavior.Removed && _invert) ? SpaceRule.Cuts : null
        : _pattern.AvoidsSpaces && !_invert ? SpaceRule.Ignores : null;

    /// <inheritdoc/>
    public override PieceRun NewRun(List<Piece> output)
    {
        var search = _pattern.NewSearch();
        if (_behavior == SplitBehavior.Isolated) return new(piece => Isolate(search, piece, output), output, search.Begin);
        var stretches = new List<Stretch>();
        return new(
            piece =>
            {
                Find(search, piece.Span, stretches);
                Stretches.Cut(piece, stretches, _behavior, output);
            },
            output,
            search.Begin);
    }

    // Isolated pieces do not depend on which stretches are matches.
    private static void Isolate(Pattern.Search search, in Piece piece, List<Piece> output)
    {
        var text = piece.Span;
        search.Allow(text.Length);
        var (done, last) = (0, -1);
        while (search.TryNext(text, done, last, out var start, out var end))
        {
            if (start > done) output.Add(piece.Part(done, start));
            if (end > start) output.Add(piece.Part(start, end));
            done = last = end;
        }
        if (done < text.Length) output.Add(piece.Part(done, text.Length));
    }

    private void Find(Pattern.Search search, ReadOnlySpan<char> text, List<Stretch> stretches)
    {
        stretches.Clear();
        search.Allow(text.Length);
        var (done, last) = (0, -1);
        while (search.TryNext(text, done, last, out var start, out var end))
        {
            if (start > done) stretches.Add(new Stretch(done, start, _invert));
            stretches.Add(new Stretch(start, end, !_invert));
            done = last = end;
        }
        if (done < text.Length) stretches.Add(new Stretch(done, text.Length, _invert));
    }
}
