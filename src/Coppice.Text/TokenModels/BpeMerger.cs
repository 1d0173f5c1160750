using System.Buffers;

namespace Coppice.Text.TokenModels;

/// <summary>
/// Applies merge rules to a row of symbols: always the pair of lowest rank, the leftmost of equals, until none is left.
/// Short rows are scanned, long ones use a heap over a linked list, so the cost stays n log n.
/// </summary>
internal static class BpeMerger
{
    private const int LongestScan = 48;

    /// <summary>
    /// Merges <paramref name="symbols"/> in place and returns how many are left at its start; <paramref name="spans"/>, one for each symbol
    /// or none at all, are joined alike.
    /// </summary>
    public static int Merge(MergeTable merges, Span<int> symbols, Span<TokenSpan> spans = default)
    {
        if (symbols.Length < 2) return symbols.Length;
        return symbols.Length <= LongestScan ? Scan(merges, symbols, spans) : Heap(merges, symbols, spans);
    }

    private static int Scan(MergeTable merges, Span<int> symbols, Span<TokenSpan> spans)
    {
        // ranks[i] and wholes[i] belong to the pair (i, i + 1).
        Span<int> ranks = stackalloc int[LongestScan];
        Span<int> wholes = stackalloc int[LongestScan];
        var count = symbols.Length;
        for (var i = 0; i + 1 < count; i++) Look(merges, symbols, i, ranks, wholes);
        while (count > 1)
        {
            var best = 0;
            for (var i = 1; i + 1 < count; i++)
                if ((uint)ranks[i] < (uint)ranks[best]) best = i;
            if (ranks[best] == -1) break;
            symbols[best] = wholes[best];
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            ranks[(best + 1)..(count - 1)].CopyTo(ranks[best..]);
            wholes[(best + 1)..(count - 1)].CopyTo(wholes[best..]);
            if (!spans.IsEmpty)
            {
                spans[best] = new TokenSpan(spans[best].Start, spans[best + 1].End);
                spans[(best + 2)..count].CopyTo(spans[(best + 1)..]);
            }
            count--;
            if (best > 0) Look(merges, symbols, best - 1, ranks, wholes);
            if (best + 1 < count) Look(merges, symbols, best, ranks, wholes);
        }
        return count;
    }

    // A rank of -1, the largest unsigned number, marks a pair without a rule.
    private static void Look(MergeTable merges, Span<int> symbols, int i, Span<int> ranks, Span<int> wholes)
    {
        var found = merges.TryFind(symbols[i], symbols[i + 1], out var rank, out wholes[i]);
        ranks[i] = found ? rank : -1;
    }

    private static int Heap(MergeTable merges, Span<int> symbols, Span<TokenSpan> spans)
    {
        var count = symbols.Length;
        var links = ArrayPool<int>.Shared.Rent(count * 2);
        try
        {
            var row = new Row(merges, symbols, spans, links.AsSpan(0, count), links.AsSpan(count, count));
            var heap = new PriorityQueue<int, ulong>(count);
            for (var i = 0; i + 1 < count; i++) row.Offer(heap, i);
            while (heap.TryDequeue(out var position, out var key)) row.Apply(heap, position, (int)(key >> 32));
            return row.Compact();
        }
        finally
        {
            ArrayPool<int>.Shared.Return(links);
        }
    }

    /// <summary>The symbols as a doubly linked list; a removed symbol has the value -1.</summary>
    private readonly ref struct Row
    {
        private readonly MergeTable _merges;
        private readonly Span<int> _symbols;
        private readonly Span<TokenSpan> _spans;
        private readonly Span<int> _previous;
        private readonly Span<int> _next;

        public Row(MergeTable merges, Span<int> symbols, Span<TokenSpan> spans, Span<int> previous, Span<int> next)
        {
            _merges = merges;
            _symbols = symbols;
            _spans = spans;
            _previous = previous;
            _next = next;
            for (var i = 0; i < symbols.Length; i++)
            {
                previous[i] = i - 1;
                next[i] = i + 1;
            }
        }

        public void Offer(PriorityQueue<int, ulong> heap, int position)
        {
            if (position < 0 || _next[position] >= _symbols.Length) return;
            if (_merges.TryFind(_symbols[position], _symbols[_next[position]], out var rank, out _))
                heap.Enqueue(position, (ulong)(uint)rank << 32 | (uint)position);
        }

        // An entry is out of date when its symbols changed since it was offered; then the rank differs.
        public void Apply(PriorityQueue<int, ulong> heap, int position, int rank)
        {
            if (_symbols[position] < 0 || _next[position] >= _symbols.Length) return;
            var right = _next[position];
            if (!_merges.TryFind(_symbols[position], _symbols[right], out var current, out var whole) || current != rank) return;
            _symbols[position] = whole;
            _symbols[right] = -1;
            if (!_spans.IsEmpty) _spans[position] = new TokenSpan(_spans[position].Start, _spans[right].End);
            _next[position] = _next[right];
            if (_next[right] < _symbols.Length) _previous[_next[right]] = position;
            Offer(heap, _previous[position]);
            Offer(heap, position);
        }

        public int Compact()
        {
            var kept = 0;
            for (var i = 0; i < _symbols.Length; i++)
            {
                if (_symbols[i] < 0) continue;
                if (!_spans.IsEmpty) _spans[kept] = _spans[i];
                _symbols[kept++] = _symbols[i];
            }
            return kept;
        }
    }
}
