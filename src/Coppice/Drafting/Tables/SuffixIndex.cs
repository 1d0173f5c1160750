namespace Coppice.Drafting;

/// <summary>An earlier text that a text ends like, found by <see cref="SuffixIndex"/>.</summary>
/// <param name="Length">Last tokens that are equal, at most <see cref="SuffixIndex.LongestMatch"/>.</param>
/// <param name="First">Where its continuation begins in the buffer that was filled.</param>
internal readonly record struct PastMatch(int Length, int First);

/// <summary>Texts of all sessions of a scope, and where the last tokens of a text occurred in them.</summary>
/// <remarks>
/// For n-grams of a few lengths a hash table begins linked lists of their places, the last one first, as in LZ77 compressors (Deutsch, RFC
/// 1951, section 4). A search takes the list of the longest n-gram that occurs and compares backwards from each of its places, a bounded
/// number of them: its time is that of the match and does not grow with the texts. Memory is fixed: 4 + 4 · orders bytes a token and 2 ·
/// orders for the tables. The oldest tokens make room. Thread-safe by one lock, which is taken once a call. Allocates nothing after
/// construction but an object for each text.
/// </remarks>
internal sealed class SuffixIndex
{
    /// <summary>Tokens that a match is compared for.</summary>
    public const int LongestMatch = 64;
    /// <summary>Tokens of a continuation at most.</summary>
    public const int Continuation = 32;
    /// <summary>Follows the last token of each continuation.</summary>
    public const int End = -1;
    /// <summary>Room for one continuation in a buffer.</summary>
    public const int Stride = Continuation + 1;

    private const int MostPlaces = 32;      // of an n-gram that are compared
    private const int SharedStart = 64;     // tokens of a beginning that is worth sharing with an earlier text

    private readonly Lock _lock = new();
    private readonly TextRing _ring;
    private readonly Order[] _orders;       // the longest first

    /// <summary>Lists of the places of n-grams: the last place for each slot, and for each place the one before it.</summary>
    private readonly record struct Order(int Length, uint[] Heads, uint[] Links);

    /// <summary>Creates an index of the last <paramref name="capacity"/> tokens, rounded up to a power of two.</summary>
    public SuffixIndex(int capacity)
    {
        _ring = new TextRing(capacity);
        _orders = [NewOrder(24), NewOrder(8), NewOrder(3)];
    }

    /// <summary>The index of a scope, one of a drafter's own, or none.</summary>
    /// <param name="tables">Tables of the scope.</param>
    /// <param name="tokens">Tokens that it holds; 0 for no index.</param>
    /// <param name="shared">Whether it is that of the scope.</param>
    public static SuffixIndex? For(ScopeTables tables, int tokens, bool shared) =>
        tokens == 0 ? null : shared ? tables.Get(null, () => new SuffixIndex(tokens)) : new SuffixIndex(tokens);

    /// <summary>Tokens that it holds.</summary>
    public int Capacity => _ring.Capacity;

    /// <summary>
    /// Starts a text with <paramref name="prompt"/>, whose beginning is not stored again where an earlier text begins like it.
    /// </summary>
    public RingText Begin(ReadOnlySpan<int> prompt)
    {
        lock (_lock)
        {
            var (last, count) = FindStart(prompt);
            var text = _ring.Begin(last, count);
            Append(text, prompt);
            return text;
        }
    }

    /// <summary>Stores what <paramref name="tokens"/>, the whole text, has after what was stored of it before.</summary>
    public void Extend(RingText text, ReadOnlySpan<int> tokens)
    {
        if (text.Count >= tokens.Length) return;
        lock (_lock) Append(text, tokens);
    }

    /// <summary>Finds earlier texts, this one not among them, that continue the end of <paramref name="tokens"/>.</summary>
    /// <param name="text">This text.</param>
    /// <param name="tokens">All its tokens.</param>
    /// <param name="matches">Receives them, the longest first, of equally long ones the last first.</param>
    /// <param name="continuations">[matches, <see cref="Stride"/>]: receives what follows each of them, ended by <see cref="End"/>.</param>
    /// <returns>How many there are.</returns>
    public int Find(RingText text, ReadOnlySpan<int> tokens, Span<PastMatch> matches, Span<int> continuations)
    {
        Span<uint> places = stackalloc uint[matches.Length];
        lock (_lock)
        {
            var count = 0;
            for (var i = 0; i < _orders.Length && count == 0; i++) count = Find(_orders[i], text, tokens, matches, places);
            for (var i = 0; i < count; i++)
            {
                matches[i] = matches[i] with { First = i * Stride };
                Copy(places[i], continuations.Slice(i * Stride, Stride));
            }
            return count;
        }
    }

    private Order NewOrder(int length) => new(length, new uint[_ring.Capacity / 2], new uint[_ring.Capacity]);

    private int Find(in Order order, RingText text, ReadOnlySpan<int> tokens, Span<PastMatch> matches, Span<uint> places)
    {
        if (tokens.Length < order.Length) return 0;
        var (count, seen) = (0, 0);
        var place = order.Heads[Slot(order, tokens)];
        for (; seen < MostPlaces && _ring.IsLive(place); seen++)
        {
            var length = _ring.Belongs(place, text) || _ring.After(place) == 0 ? 0 : MatchLength(place, tokens);
            if (length >= order.Length) Insert(length, place, matches, places, ref count);
            place = order.Links[_ring.IndexOf(place)];
        }
        return count;
    }

    /// <summary>Keeps the longest matches sorted.</summary>
    private static void Insert(int length, uint place, Span<PastMatch> matches, Span<uint> places, ref int count)
    {
        if (count == matches.Length && matches[count - 1].Length >= length) return;
        var at = count < matches.Length ? count++ : count - 1;
        for (; at > 0 && matches[at - 1].Length < length; at--) (matches[at], places[at]) = (matches[at - 1], places[at - 1]);
        (matches[at], places[at]) = (new PastMatch(length, 0), place);
    }

    private int MatchLength(uint place, ReadOnlySpan<int> tokens)
    {
        var (length, limit) = (0, Math.Min(LongestMatch, tokens.Length));
        for (; length < limit && place != 0 && _ring.Token(place) == tokens[^(length + 1)]; place = _ring.Before(place)) length++;
        return length;
    }

    private void Copy(uint place, Span<int> continuation)
    {
        var count = 0;
        while (count < Continuation && (place = _ring.After(place)) != 0) continuation[count++] = _ring.Token(place);
        continuation[count] = End;
    }

    private void Append(RingText text, ReadOnlySpan<int> tokens)
    {
        while (text.Count < tokens.Length)
        {
            var place = _ring.Append(text, tokens[text.Count]);
            var index = _ring.IndexOf(place);
            var known = tokens[..text.Count];
            foreach (ref readonly var order in _orders.AsSpan())
            {
                if (known.Length < order.Length) continue;
                // Exchanged, not read and then written: a page that nothing was written to yet would be mapped twice, and the second time
                // the other processors wait.
                order.Links[index] = Interlocked.Exchange(ref order.Heads[Slot(order, known)], place);
            }
        }
    }

    /// <summary>Finds the longest beginning that <paramref name="prompt"/> has in common with a text, whole blocks at least.</summary>
    private (uint Last, int Count) FindStart(ReadOnlySpan<int> prompt)
    {
        if (prompt.Length < SharedStart) return (0, 0);
        var order = _orders[0];
        var start = prompt[..order.Length];
        var (best, most) = (0u, 0);
        var place = order.Heads[Slot(order, start)];
        for (var seen = 0; seen < MostPlaces && _ring.IsLive(place); seen++)
        {
            if (MatchLength(place, start) == start.Length)
            {
                var (last, count) = (place, start.Length);
                while (count < prompt.Length && _ring.After(last) is var next && next != 0 && _ring.Token(next) == prompt[count])
                {
                    last = next;
                    count++;
                }
                if (count > most) (best, most) = (last, count);
            }
            place = order.Links[_ring.IndexOf(place)];
        }
        return most >= SharedStart ? (best, most) : (0, 0);
    }

    /// <summary>The slot of the n-gram that <paramref name="tokens"/> ends with.</summary>
    private static int Slot(in Order order, ReadOnlySpan<int> tokens)
    {
        var hash = 0ul;
        foreach (var token in tokens[^order.Length..]) hash = (hash + (uint)token + 1) * 0x9E3779B97F4A7C15;
        return (int)((hash ^ hash >> 29) * 0xBF58476D1CE4E5B9 >> 32) & (order.Heads.Length - 1);
    }
}
