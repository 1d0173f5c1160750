using Coppice.Text.Unicode;

namespace Coppice.Text.PreTokenizers;

/// <summary>Cuts at single characters: white space, punctuation, digits or a given delimiter.</summary>
internal sealed class CharacterSplit : PreTokenizer
{
    private readonly Func<int, bool> _matches;
    private readonly SplitBehavior _behavior;

    public CharacterSplit(Func<int, bool> matches, SplitBehavior behavior)
    {
        _matches = matches;
        _behavior = behavior;
    }

    /// <inheritdoc/>
    protected override Action<Piece> NewRun(List<Piece> output)
    {
        var stretches = new List<Stretch>();
        return piece =>
        {
            Find(piece.Span, stretches);
            if (stretches.Count == 0) output.Add(piece);
            else Stretches.Cut(piece, stretches, _behavior, output);
        };
    }

    // No stretch at all stands for a text without match.
    private void Find(ReadOnlySpan<char> text, List<Stretch> stretches)
    {
        stretches.Clear();
        var done = 0;
        for (int i = 0, length; i < text.Length; i += length)
        {
            if (!_matches(CodePoints.At(text, i, out length))) continue;
            if (i > done) stretches.Add(new Stretch(done, i, false));
            stretches.Add(new Stretch(i, i + length, true));
            done = i + length;
        }
        if (done > 0 && done < text.Length) stretches.Add(new Stretch(done, text.Length, false));
    }
}
