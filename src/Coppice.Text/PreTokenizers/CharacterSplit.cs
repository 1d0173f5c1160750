using Coppice.Text.Unicode;

namespace Coppice.Text.PreTokenizers;

/// <summary>Cuts at single characters: white space, punctuation, digits or a given delimiter.</summary>
internal sealed class CharacterSplit : PreTokenizer
{
    private readonly CodePointProperty _matches;
    private readonly SplitBehavior _behavior;

    public CharacterSplit(CodePointProperty matches, SplitBehavior behavior)
    {
        _matches = matches;
        _behavior = behavior;
    }

    public CharacterSplit(Func<int, bool> matches, SplitBehavior behavior) : this(new CodePointProperty(matches), behavior) { }

    /// <inheritdoc/>
    public override SpaceRule? AtSpace => !_matches.Holds(' ') ? SpaceRule.Ignores
        : _behavior is SplitBehavior.Isolated or SplitBehavior.Removed ? SpaceRule.Cuts : null;

    /// <inheritdoc/>
    public override PieceRun NewRun(List<Piece> output)
    {
        if (_behavior is SplitBehavior.Isolated or SplitBehavior.Removed) return new(piece => Cut(piece, output), output);
        var stretches = new List<Stretch>();
        return new(piece =>
        {
            Find(piece.Span, stretches);
            if (stretches.Count == 0) output.Add(piece);
            else Stretches.Cut(piece, stretches, _behavior, output);
        }, output);
    }

    // What is between two matches is a piece, and a match one of its own or none.
    private void Cut(in Piece piece, List<Piece> output)
    {
        var text = piece.Span;
        var done = 0;
        for (int i = 0, length; i < text.Length; i += length)
        {
            if (!_matches.Holds(CodePoints.At(text, i, out length))) continue;
            if (i > done) output.Add(piece.Part(done, i));
            done = i + length;
            if (_behavior == SplitBehavior.Isolated) output.Add(piece.Part(i, done));
        }
        if (done == 0) output.Add(piece);
        else if (done < text.Length) output.Add(piece.Part(done, text.Length));
    }

    // No stretch at all stands for a text without match.
    private void Find(ReadOnlySpan<char> text, List<Stretch> stretches)
    {
        stretches.Clear();
        var done = 0;
        for (int i = 0, length; i < text.Length; i += length)
        {
            if (!_matches.Holds(CodePoints.At(text, i, out length))) continue;
            if (i > done) stretches.Add(new Stretch(done, i, false));
            stretches.Add(new Stretch(i, i + length, true));
            done = i + length;
        }
        if (done > 0 && done < text.Length) stretches.Add(new Stretch(done, text.Length, false));
    }
}
