namespace Coppice.Text;

/// <summary>The tokens of a text and where each stands in it, in order; neighbours overlap where they share a character.</summary>
/// <param name="Ids">The ids.</param>
/// <param name="Spans">Where each stands in the normalized text.</param>
/// <param name="Length">Chars of the normalized text.</param>
/// <param name="NormalizedText">The normalized text, or null where it is the text as given.</param>
internal sealed record LocatedTokens(List<int> Ids, List<TokenSpan> Spans, int Length, string? NormalizedText)
{
    /// <summary>The largest number of first tokens, at most <paramref name="most"/>, that the text can be cut after.</summary>
    public int CountThatFits(int most)
    {
        var count = Math.Min(most, Ids.Count);
        while (!IsCut(count)) count--;
        return count;
    }

    /// <summary>The largest number of last tokens, at most <paramref name="most"/>, that the text can be cut before.</summary>
    public int CountThatFitsAtTheEnd(int most)
    {
        var count = Math.Min(most, Ids.Count);
        while (!IsCut(Ids.Count - count)) count--;
        return count;
    }

    /// <summary>Where the first <paramref name="count"/> tokens end; all tokens have the whole text.</summary>
    public int EndOf(int count)
    {
        if (count == Ids.Count) return Length;
        return count == 0 ? 0 : Spans[count - 1].End;
    }

    /// <summary>Where the tokens from number <paramref name="first"/> on begin; all tokens have the whole text.</summary>
    public int StartOf(int first)
    {
        if (first == 0) return 0;
        return first == Ids.Count ? Length : Spans[first].Start;
    }

    // Whether the tokens before and after this place share no character.
    private bool IsCut(int at) => at == 0 || at == Ids.Count || Spans[at - 1].End <= Spans[at].Start;
}
