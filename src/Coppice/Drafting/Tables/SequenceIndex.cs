namespace Coppice.Drafting;

/// <summary>The text of one session, and the places where its last tokens occurred before in it.</summary>
/// <remarks>
/// A hash table whose slots begin linked lists of the places of a token, the last one first. Allocates when a text begins, room for
/// <see cref="Headroom"/> tokens more included, and later only where a text outgrows that, for twice as many tokens.
/// </remarks>
/// <param name="capacity">Tokens of a text at most.</param>
internal sealed class SequenceIndex(int capacity)
{
    private const int Headroom = 4096, None = -1;

    private int[] _tokens = [], _before = [], _heads = [];
    private int _count;

    /// <summary>The tokens of the text.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    /// <summary>A text begins with <paramref name="prompt"/>, or goes on where it repeats what there is.</summary>
    /// <returns>Whether it goes on.</returns>
    public bool Begin(ReadOnlySpan<int> prompt)
    {
        var continues = _count > 0 && prompt.StartsWith(Tokens);
        if (!continues)
        {
            _count = 0;
            _heads.AsSpan().Fill(None);
        }
        Reserve(prompt.Length + Headroom);
        return continues;
    }

    /// <summary>Takes what <paramref name="sequence"/>, the whole text, has after what was taken before.</summary>
    public void Extend(ReadOnlySpan<int> sequence)
    {
        if (sequence.Length > _tokens.Length) Reserve(2 * sequence.Length);
        foreach (var token in sequence[_count..])
        {
            _tokens[_count] = token;
            Link(_count++);
        }
    }

    /// <summary>Finds earlier places that match the end of the text, the longest match first, of equal ones the last place first.</summary>
    /// <param name="longest">Tokens that a match is compared for.</param>
    /// <param name="matches">Receives them; the places of the last token that are looked at are at most as many, the last ones.</param>
    /// <returns>How many there are.</returns>
    public int Find(int longest, Span<NgramMatch> matches)
    {
        if (_count == 0) return 0;
        var (count, last) = (0, _count - 1);
        for (var place = Before(last); place >= 0 && count < matches.Length; place = Before(place))
        {
            var (length, limit) = (1, Math.Min(longest, place + 1));
            while (length < limit && _tokens[place - length] == _tokens[last - length]) length++;
            var at = count++;
            for (; at > 0 && matches[at - 1].Length < length; at--) matches[at] = matches[at - 1];
            matches[at] = new NgramMatch(place + 1, length);
        }
        return count;
    }

    /// <summary>The place of the same token before <paramref name="place"/>, or -1.</summary>
    private int Before(int place)
    {
        var before = _before[place];
        while (before != None && _tokens[before] != _tokens[place]) before = _before[before];
        return before;
    }

    private void Reserve(int count)
    {
        count = Math.Min(count, capacity);
        if (count <= _tokens.Length) return;
        Array.Resize(ref _tokens, count);
        _before = new int[count];
        _heads = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(count, 2))];
        _heads.AsSpan().Fill(None);
        for (var place = 0; place < _count; place++) Link(place);
    }

    private void Link(int place)
    {
        ref var head = ref _heads[(int)((uint)_tokens[place] * 2654435769u >> 7) & (_heads.Length - 1)];
        (_before[place], head) = (head, place);
    }
}

/// <summary>A place whose tokens before it are the last ones of a text.</summary>
/// <param name="Next">The place of the token that followed; it may be the end of the text.</param>
/// <param name="Length">Tokens that match, at least 1.</param>
internal readonly record struct NgramMatch(int Next, int Length);
