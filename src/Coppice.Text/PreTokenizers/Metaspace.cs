namespace Coppice.Text.PreTokenizers;

/// <summary>Writes a visible mark (usually U+2581) for spaces, puts one before a text, and cuts before each mark.</summary>
internal sealed class Metaspace : PreTokenizer
{
    private readonly string _mark;
    private readonly PrependScheme _scheme;
    private readonly bool _split;

    public Metaspace(string mark, PrependScheme scheme, bool split)
    {
        _mark = mark;
        _scheme = scheme;
        _split = split;
    }

    /// <inheritdoc/>
    public override SpaceRule? AtSpace => _split ? SpaceRule.Cuts : null;

    /// <inheritdoc/>
    public override bool Rewrites => true;

    /// <inheritdoc/>
    public override PieceRun NewRun(List<Piece> output)
    {
        var stretches = new List<Stretch>();
        return new(piece =>
        {
            var text = piece.Span.ToString().Replace(" ", _mark, StringComparison.Ordinal);
            var prefixed = _scheme == PrependScheme.Always || (_scheme == PrependScheme.First && piece.AtStart);
            prefixed &= !text.StartsWith(_mark, StringComparison.Ordinal);
            if (prefixed) text = _mark + text;
            var marked = piece.Rewritten(text, piece.IsTraced ? Align(piece.Span, prefixed) : null);
            if (_split) Cut(marked, stretches, output);
            else output.Add(marked);
        }, output);
    }

    private Alignment Align(ReadOnlySpan<char> text, bool prefixed)
    {
        var alignment = new Alignment();
        if (prefixed) alignment.Add(_mark.Length, 0, 0);
        for (var i = 0; i < text.Length; i++) alignment.Add(text[i] == ' ' ? _mark.Length : 1, i, i + 1);
        return alignment;
    }

    private void Cut(in Piece piece, List<Stretch> stretches, List<Piece> output)
    {
        stretches.Clear();
        var done = 0;
        for (var at = piece.Text.IndexOf(_mark, StringComparison.Ordinal); at >= 0; at = piece.Text.IndexOf(_mark, done,
            StringComparison.Ordinal))
        {
            if (at > done) stretches.Add(new Stretch(done, at, false));
            done = at + _mark.Length;
            stretches.Add(new Stretch(at, done, true));
        }
        if (done < piece.Text.Length) stretches.Add(new Stretch(done, piece.Text.Length, false));
        Stretches.Cut(piece, stretches, SplitBehavior.MergedWithNext, output);
    }
}
