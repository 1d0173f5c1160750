using System.Buffers;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Unicode;

namespace Coppice.Text;

/// <summary>Finds added tokens in a text, from left to right, the longest at each place (Hugging Face tokenizers 0.23).</summary>
internal sealed class AddedTokenFinder
{
    private readonly AddedToken[] _tokens;
    private readonly SearchValues<char> _firstLetters;

    /// <summary>A finder for <paramref name="tokens"/>; of several with one form the last counts.</summary>
    public AddedTokenFinder(IEnumerable<AddedToken> tokens)
    {
        var byForm = new Dictionary<string, AddedToken>();
        foreach (var token in tokens)
            if (token.Form.Length > 0) byForm[token.Form] = token;
        _tokens = [.. byForm.Values.OrderBy(token => token.Form, StringComparer.Ordinal)];
        _firstLetters = SearchValues.Create([.. _tokens.Select(token => token.Form[0]).Distinct()]);
    }

    /// <summary>Whether there is nothing to find.</summary>
    public bool IsEmpty => _tokens.Length == 0;

    /// <summary>
    /// Of each token that <paramref name="cut"/> may take apart the longest part that it does not: where no part of a text holds one of
    /// these, no such token stands in the text. Null where a token has none.
    /// </summary>
    public string[]? Cores(TextCut cut)
    {
        var cores = _tokens.Where(token => !cut.Keeps(token)).Select(token => Core(token.Form, cut)).ToArray();
        return Array.TrueForAll(cores, core => core.Length > 0) ? cores : null;
    }

    // What a cut leaves whole in one text it may cut in another, but not within a stretch without spaces.
    private static string Core(string form, TextCut cut)
    {
        var longest = "";
        foreach (var stretch in form.Split(' '))
        {
            for (var at = 0; cut.Next(stretch, ref at) is { IsEmpty: false } part;)
                if (part.Length > longest.Length) longest = part.ToString();
        }
        return longest;
    }

    /// <summary>Cuts <paramref name="piece"/> into tokens and the text between them.</summary>
    public void Cut(in Piece piece, List<Piece> output)
    {
        if (IsEmpty)
        {
            if (piece.Length > 0) output.Add(piece);
            return;
        }
        var text = piece.Span;
        var (done, at) = (0, 0);
        while (TryFind(text, at, out var token, out var start))
        {
            var end = at = start + token.Form.Length;
            if (token.SingleWord && !StandsAlone(text, start, end)) continue;
            if (token.StripsLeft) start = Math.Max(SpacesBefore(text, start), done);
            if (token.StripsRight) end = SpacesAfter(text, end);
            if (done < start) output.Add(piece.Part(done, start));
            // A token of white space that the one before has swallowed whole is gone.
            if (end > start) output.Add(piece.Found(token.Id, start, end));
            done = end;
        }
        if (done != text.Length) output.Add(piece.Part(done, text.Length));
    }

    private bool TryFind(ReadOnlySpan<char> text, int from, out AddedToken token, out int start)
    {
        for (start = from; start < text.Length; start++)
        {
            var candidate = text[start..].IndexOfAny(_firstLetters);
            if (candidate < 0) break;
            start += candidate;
            if (Longest(text[start..]) is not { } found) continue;
            token = found;
            return true;
        }
        token = _tokens[0];
        return false;
    }

    // Narrows the sorted tokens letter by letter; the last that fits whole is the longest.
    private AddedToken? Longest(ReadOnlySpan<char> text)
    {
        AddedToken? longest = null;
        var (low, high) = (0, _tokens.Length);
        for (var i = 0; low < high; i++)
        {
            if (_tokens[low].Form.Length == i) longest = _tokens[low++];
            if (i == text.Length) break;
            low = FirstNotBelow(low, high, i, text[i]);
            high = text[i] == char.MaxValue ? high : FirstNotBelow(low, high, i, (char)(text[i] + 1));
        }
        return longest;
    }

    // The first of the tokens low..high, all longer than index, whose letter at index is at least the given one.
    private int FirstNotBelow(int low, int high, int index, char letter)
    {
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_tokens[middle].Form[index] < letter) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private static bool StandsAlone(ReadOnlySpan<char> text, int start, int end) =>
        (start == 0 || !CodePoints.IsWord(CodePoints.Before(text, start, out _)))
        && (end == text.Length || !CodePoints.IsWord(CodePoints.At(text, end, out _)));

    private static int SpacesBefore(ReadOnlySpan<char> text, int start)
    {
        while (start > 0 && CodePoints.IsWhiteSpace(text[start - 1])) start--;
        return start;
    }

    private static int SpacesAfter(ReadOnlySpan<char> text, int end)
    {
        while (end < text.Length && CodePoints.IsWhiteSpace(text[end])) end++;
        return end;
    }
}
