using Coppice.Text.Normalizers;
using Coppice.Text.Unicode;

namespace Coppice.Text.PreTokenizers;

/// <summary>
/// Texts cut before single spaces that stand between two visible characters, for tokenizers that cut there in any case.
/// </summary>
/// <remarks>
/// Such a place is safe where the characters on both sides are clusters of their own (UAX 29) and begin and end with visible characters
/// when they are normalized: no normal form composes or reorders across a space (UAX 15), no replacement that takes spaces only or none
/// takes part of both sides, and one of the pre-tokenizers cuts there whatever the others do.
/// </remarks>
internal sealed class SpaceCut : TextCut
{
    private readonly CodePointProperty _isSafe;

    private SpaceCut(Normalizer? normalizer) => _isSafe = new CodePointProperty(letter => IsSafe((char)letter, normalizer));

    /// <inheritdoc/>
    public override bool FirstDiffers => true;

    /// <inheritdoc/>
    public override bool Keeps(AddedToken token) => !token.StripsLeft && !token.StripsRight && !token.Form.Contains(' ');

    /// <summary>The cut for a tokenizer, or null where its steps are not known to give the same pieces.</summary>
    public static SpaceCut? For(Normalizer? normalizer, IReadOnlyList<PreTokenizer> preTokenizers)
    {
        if (normalizer is not null && !(normalizer.IsLocal && normalizer.Normalize(" ") == " ")) return null;
        var rewritten = preTokenizers.TakeWhile(step => !step.Rewrites).Count();
        if (rewritten < preTokenizers.Count - 1) return null;
        var isKnown = preTokenizers.All(step => step.AtSpace is not null);
        return isKnown && preTokenizers.Any(step => step.AtSpace == SpaceRule.Cuts) ? new SpaceCut(normalizer) : null;
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Next(ReadOnlySpan<char> text, ref int at)
    {
        var start = at;
        for (var end = at + 1; end < text.Length - 1; end++)
        {
            var space = text[end..^1].IndexOf(' ');
            if (space < 0) break;
            end += space;
            if (!_isSafe.Holds(text[end - 1]) || !_isSafe.Holds(text[end + 1])) continue;
            at = end;
            return text[start..end];
        }
        at = text.Length;
        return text[Math.Min(start, at)..];
    }

    private static bool IsSafe(char letter, Normalizer? normalizer)
    {
        if (!IsVisible(letter)) return false;
        if (normalizer is null) return true;
        var text = normalizer.Normalize(letter.ToString());
        return text.Length > 0 && IsVisible(text[0]) && IsVisible(text[^1]);
    }

    private static bool IsVisible(char letter)
    {
        if (letter < '\x7F') return letter > ' ';
        var shows = char.IsLetterOrDigit(letter) || char.IsPunctuation(letter) || char.IsSymbol(letter) || char.IsNumber(letter);
        return shows && CharacterMap.StandsAlone.Holds(letter);
    }
}
