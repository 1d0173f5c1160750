using Coppice.Text.Unicode;

namespace Coppice.Text.Normalizers;

/// <summary>Removes white space from the ends of the text.</summary>
internal sealed class Strip : Normalizer
{
    private readonly bool _left;
    private readonly bool _right;

    public Strip(bool left, bool right)
    {
        _left = left;
        _right = right;
    }

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart)
    {
        var (start, end) = (0, text.Length);
        while (_left && start < end && CodePoints.IsWhiteSpace(text[start])) start++;
        while (_right && end > start && CodePoints.IsWhiteSpace(text[end - 1])) end--;
        atStart &= start == 0;
        return text[start..end];
    }
}
