namespace Coppice.Drafting;

/// <summary>Texts of a drafter's past, the current one last, and the places where their last tokens occurred before.</summary>
/// <remarks>
/// Holds a fixed number of tokens; where a new text does not fit, the older half goes. Texts are separated, so no match runs across a border.
/// Nothing is allocated after construction.
/// </remarks>
internal sealed class NgramHistory
{
    private const int Border = -1;
    private readonly int[] _tokens;
    private readonly OccurrenceChains _chains;
    private readonly int _sequence;
    private int _count, _start;     // of all texts; where the current one begins

    /// <summary>Room for <paramref name="capacity"/> tokens, of which the current text may take <paramref name="sequence"/>.</summary>
    public NgramHistory(int capacity, int sequence)
    {
        _sequence = sequence + 1;
        _tokens = new int[Math.Max(capacity, 2 * _sequence)];
        _chains = new OccurrenceChains(_tokens.Length);
    }

    /// <summary>All tokens of all texts.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    /// <summary>Where the current text begins.</summary>
    public int Start => _start;

    /// <summary>A text begins with <paramref name="prompt"/>, or goes on where it repeats the current one.</summary>
    /// <param name="prompt">Its first tokens.</param>
    /// <param name="forget">Whether the texts before are dropped.</param>
    public void Begin(ReadOnlySpan<int> prompt, bool forget)
    {
        var current = Tokens[_start..];
        if (!forget && prompt.StartsWith(current)) return;
        if (forget) _count = 0;
        else if (_count + _sequence > _tokens.Length) Drop(_count - (_tokens.Length - _sequence) / 2);
        if (_count > 0) _tokens[_count++] = Border;
        _start = _count;
        if (forget) _chains.Clear();
        _chains.Extend(Tokens);
    }

    /// <summary>Takes what <paramref name="sequence"/>, the current text, has behind what was taken before.</summary>
    public void Extend(ReadOnlySpan<int> sequence)
    {
        var known = _count - _start;
        sequence[known..].CopyTo(_tokens.AsSpan(_count));
        _count += sequence.Length - known;
        _chains.Extend(Tokens);
    }

    /// <summary>Finds earlier places that match the end of the current text, the longest match first, of equal ones the last place first.</summary>
    /// <param name="longest">Tokens that a match is compared for.</param>
    /// <param name="matches">Receives them; the places of the last token that are looked at are at most as many, the last ones.</param>
    /// <returns>How many there are.</returns>
    public int Find(int longest, Span<NgramMatch> matches)
    {
        if (_count == _start) return 0;
        var (count, last) = (0, _count - 1);
        for (var place = _chains.Before(last); place >= 0 && count < matches.Length; place = _chains.Before(place))
        {
            var (length, limit) = (1, Math.Min(longest, Math.Min(place + 1, _count - _start)));
            while (length < limit && _tokens[place - length] == _tokens[last - length]) length++;
            var at = count++;
            for (; at > 0 && matches[at - 1].Length < length; at--) matches[at] = matches[at - 1];
            matches[at] = new NgramMatch(place + 1, length);
        }
        return count;
    }

    private void Drop(int count)
    {
        count = Math.Clamp(count, 0, _count);
        Tokens[count..].CopyTo(_tokens);
        _count -= count;
        _chains.Clear();
    }
}

/// <summary>A place whose tokens before it are the last ones of a text.</summary>
/// <param name="Next">The place of the token that followed; it may be the end of the history.</param>
/// <param name="Length">Tokens that match, at least 1.</param>
internal readonly record struct NgramMatch(int Next, int Length);
