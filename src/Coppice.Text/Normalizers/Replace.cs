using Coppice.Text.Patterns;

namespace Coppice.Text.Normalizers;

/// <summary>Writes a fixed text in place of each match of a pattern.</summary>
internal sealed class Replace : Normalizer
{
    private readonly Pattern _pattern;
    private readonly string _content;

    public Replace(Pattern pattern, string content)
    {
        _pattern = pattern;
        _content = content;
    }

    /// <inheritdoc/>
    public override bool IsLocal => _pattern.AvoidsSpaces || _pattern.TakesOnlySpaces;

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart)
    {
        if (!_pattern.MayMatch(text)) return text;
        // What replaces several characters counts as standing at the last of them.
        if (atStart && text.Length > 0 && _pattern.NewSearch().TryNext(text, 0, -1, out var start, out var end) && start == 0)
            atStart = _content.Length > 0 ? end <= (char.IsHighSurrogate(text[0]) ? 2 : 1) : end == 0;
        return _pattern.Replace(text, _content);
    }
}
