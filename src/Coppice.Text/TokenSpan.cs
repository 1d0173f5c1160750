namespace Coppice.Text;

/// <summary>Where a token stands in a text: from <paramref name="Start"/> up to, not including, <paramref name="End"/>.</summary>
internal readonly record struct TokenSpan(int Start, int End)
{
    /// <summary>The same stretch in a text that has <paramref name="offset"/> more characters before it.</summary>
    public TokenSpan Moved(int offset) => new(Start + offset, End + offset);
}
