using Coppice.Drafting.Datastores;

namespace Coppice.Drafting;

/// <summary>What followed the end of a text most often where it occurs in a datastore.</summary>
/// <remarks>
/// Suffixes that begin alike lie side by side, so that a range of them is a prefix, its width the count, and the prefixes that are one
/// token longer divide it. Source: He et al., REST (2023): the longest match of 16 down to 2 tokens, 10 tokens after each place, of which
/// the 64 most frequent prefixes are kept.
/// </remarks>
/// <param name="store">Belongs to the caller.</param>
internal sealed class StoredContinuations(SuffixDatastore store)
{
    /// <summary>Prefixes that are kept.</summary>
    public const int Prefixes = 64;
    private const int LongestMatch = 16, ShortestMatch = 2, Length = 10, MostPlaces = 1000;

    private readonly CandidateQueue<Prefix> _queue = new(4 * MostPlaces);
    private int _match, _first, _found, _taken;

    /// <summary>Places [First, End) go on with Token after a node of the trie.</summary>
    private readonly record struct Prefix(int Parent, int Token, int First, int End, int Depth);

    /// <summary>
    /// Fills <paramref name="trie"/> with the most frequent continuations of <paramref name="tokens"/>; of very many places an even sample
    /// is looked at.
    /// </summary>
    /// <returns>Tokens that match, 0 for none.</returns>
    public int Collect(ReadOnlySpan<int> tokens, RetrievedTrie trie)
    {
        (_match, _first, _found) = store.Find(tokens, LongestMatch);
        _taken = _match < ShortestMatch ? 0 : Math.Min(_found, MostPlaces);
        trie.Clear(_taken);
        _queue.Clear();
        Divide(0, 0, _taken, 0);
        while (trie.Count <= Prefixes && _queue.TryTake(out var prefix, out _))
        {
            var node = trie.Append(prefix.Parent, prefix.Token, prefix.End - prefix.First);
            if (prefix.Depth < Length) Divide(node, prefix.First, prefix.End, prefix.Depth);
        }
        return _taken > 0 ? _match : 0;
    }

    /// <summary>
    /// Queues the prefixes that are one token longer than that of places [<paramref name="first"/>, <paramref name="end"/>).
    /// </summary>
    private void Divide(int node, int first, int end, int depth)
    {
        while (first < end)
        {
            var token = TokenAt(first, depth);
            var next = After(token, first, end, depth);
            if (token != SuffixDatastore.Border) _queue.Add(next - first, new Prefix(node, (int)token, first, next, depth + 1));
            first = next;
        }
    }

    /// <summary>
    /// The first place after <paramref name="first"/> that goes on with another token: by steps that double, then by halves.
    /// </summary>
    private int After(uint token, int first, int end, int depth)
    {
        var (low, step) = (first, 1);
        while (low + step < end && TokenAt(low + step, depth) == token)
        {
            low += step;
            step *= 2;
        }
        var high = Math.Min(low + step, end);
        while (high - low > 1)
        {
            var middle = low + (high - low) / 2;
            if (TokenAt(middle, depth) == token) low = middle;
            else high = middle;
        }
        return high;
    }

    private uint TokenAt(int place, int depth)
    {
        var at = store.Next(_first + (int)((long)place * _found / _taken), _match + depth);
        return at < store.Tokens.Length ? store.Tokens[at] : SuffixDatastore.Border;
    }
}
