using Coppice.Drafting;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>The index of the texts of all sessions: what it finds, what it forgets, and that several may use it at once.</summary>
public sealed class SuffixIndexTests
{
    private static (int Length, int[] Next)[] Find(SuffixIndex index, RingText text, int[] tokens, int most = 8)
    {
        var matches = new PastMatch[most];
        var continuations = new int[most * SuffixIndex.Stride];
        var count = index.Find(text, tokens, matches, continuations);
        return [.. matches[..count].Select(match => (match.Length, Continuation(continuations, match.First)))];
    }

    private static void Same(int length, int[] next, (int Length, int[] Next) found)
    {
        Assert.Equal(length, found.Length);
        Assert.Equal(next, found.Next);
    }

    private static int[] Continuation(int[] buffer, int first) => [.. buffer[first..].TakeWhile(token => token != SuffixIndex.End)];

    /// <summary>The longest end of <paramref name="tokens"/> that some earlier text has, with a token after it.</summary>
    private static int Longest(IEnumerable<int[]> earlier, int[] tokens)
    {
        var longest = 0;
        foreach (var text in earlier)
        {
            for (var end = 1; end < text.Length; end++)
            {
                var (length, most) = (0, Math.Min(SuffixIndex.LongestMatch, Math.Min(end, tokens.Length)));
                while (length < most && text[end - 1 - length] == tokens[^(length + 1)]) length++;
                longest = Math.Max(longest, length);
            }
        }
        return longest;
    }

    /// <summary>
    /// Texts that grow in turns, of few tokens and with stretches copied from each other; from three tokens on the longest match is found.
    /// </summary>
    [Fact]
    public void The_longest_match_in_other_texts_and_what_follows_it_are_found()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var index = new SuffixIndex(1 << 14);
            List<int>[] texts = [.. Enumerable.Range(0, 5).Select(_ => new List<int>())];
            RingText[] handles = [.. texts.Select(_ => index.Begin([]))];
            for (var step = 0; step < 60; step++)
            {
                var at = random.Next(texts.Length);
                var from = texts[random.Next(texts.Length)];
                if (from.Count > 0 && random.Next(3) > 0)
                {
                    var start = random.Next(from.Count);
                    texts[at].AddRange(from.Skip(start).Take(random.Next(1, 100)).ToArray());
                }
                else texts[at].AddRange(Enumerable.Range(0, random.Next(1, 30)).Select(_ => random.Next(40)));
                index.Extend(handles[at], texts[at].ToArray());
                var query = random.Next(texts.Length);
                int[] tokens = [.. texts[query]];
                if (tokens.Length == 0) continue;
                var found = Find(index, handles[query], tokens);
                var others = texts.Where((_, i) => i != query).Select(text => text.ToArray()).ToArray();
                var longest = Longest(others, tokens);
                Assert.Equal(longest < 3 ? 0 : longest, found.Length == 0 ? 0 : found[0].Length);
                foreach (var (length, next) in found)
                {
                    int[] whole = [.. tokens[^length..], .. next];
                    Assert.Contains(others, text => Contains(text, whole, next.Length < SuffixIndex.Continuation));
                }
            }
        }
    }

    private static bool Contains(int[] text, int[] part, bool atEnd)
    {
        for (var i = 0; i + part.Length <= text.Length; i++)
        {
            if (text.AsSpan(i, part.Length).SequenceEqual(part) && (!atEnd || i + part.Length == text.Length)) return true;
        }
        return false;
    }

    [Fact]
    public void The_oldest_text_makes_room_and_nothing_of_it_is_found()
    {
        var index = new SuffixIndex(1024);
        Assert.Equal(1024, index.Capacity);
        static int[] Text(int number) => [.. Enumerable.Range(0, 128).Select(i => 1000 * number + i)];
        for (var number = 0; number < 40; number++)
        {
            index.Begin(Text(number));
            var reader = index.Begin([]);
            for (var earlier = 0; earlier <= number; earlier++)
            {
                var found = Find(index, reader, Text(earlier)[..100]);
                if (earlier > number - 8) Same(64, Text(earlier)[100..], Assert.Single(found));
                else Assert.Empty(found);
            }
        }
    }

    /// <summary>A text that others overtake by a whole ring goes on in a new block; what it has lost is not found, the rest is.</summary>
    [Fact]
    public void A_slow_text_loses_what_others_displace_and_goes_on()
    {
        var index = new SuffixIndex(1024);
        int[] slow = [.. Enumerable.Range(0, 200)];
        var text = index.Begin(slow.AsSpan(0, 100));
        for (var number = 1; number <= 8; number++) index.Begin([.. Enumerable.Range(0, 128).Select(i => 1000 * number + i)]);
        index.Extend(text, slow);
        var reader = index.Begin([]);
        Assert.Empty(Find(index, reader, slow[..50]));
        Same(40, slow[140..172], Assert.Single(Find(index, reader, slow[..140])));
    }

    [Fact]
    public void A_text_that_begins_like_an_earlier_one_is_stored_only_where_it_differs()
    {
        var index = new SuffixIndex(1024);
        int[] first = [.. Enumerable.Range(0, 500)];
        index.Begin(first);
        for (var other = 0; other < 20; other++)
        {
            // If all of these 500 tokens were stored they would displace the first text.
            int[] tokens = [.. first[..480], .. Enumerable.Range(0, 20).Select(i => 10_000 + 100 * other + i)];
            index.Begin(tokens);
            if (other >= 7) continue;       // then blocks of the beginnings of these have displaced it
            var reader = index.Begin([]);
            Same(64, first[400..432], Find(index, reader, first[..400])[0]);
            // A match runs over the border into the shared beginning.
            Same(64, tokens[490..], Assert.Single(Find(index, reader, tokens[..490])));
        }
    }

    [Fact]
    public void Several_sessions_write_and_read_at_once()
    {
        var index = new SuffixIndex(1 << 13);
        Parallel.For(0, 8, number =>
        {
            var random = new Random(number);
            for (var round = 0; round < 20; round++)
            {
                int[] tokens = [.. Enumerable.Range(0, 300).Select(i => i % 50 + 100 * random.Next(4))];
                var text = index.Begin(tokens.AsSpan(0, 50));
                for (var count = 50; count <= tokens.Length; count += 5)
                {
                    index.Extend(text, tokens.AsSpan(0, count));
                    foreach (var (length, next) in Find(index, text, tokens[..count]))
                    {
                        Assert.InRange(length, 3, SuffixIndex.LongestMatch);
                        Assert.All(next, token => Assert.InRange(token, 0, 349));
                    }
                }
            }
        });
    }

    [Fact]
    public void Nothing_is_allocated_but_an_object_for_each_text()
    {
        var index = new SuffixIndex(1 << 12);
        var (matches, continuations) = (new PastMatch[16], new int[16 * SuffixIndex.Stride]);
        int[] tokens = [.. Enumerable.Range(0, 3000).Select(i => i % 701)];
        var text = index.Begin(tokens.AsSpan(0, 100));
        index.Find(text, tokens.AsSpan(0, 100), matches, continuations);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var count = 101; count <= tokens.Length; count++)
        {
            index.Extend(text, tokens.AsSpan(0, count));
            index.Find(text, tokens.AsSpan(0, count), matches, continuations);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static readonly Gen<(int[][], int)> Pieces = Gen.Select(Gen.Int[0, 2].Array[0, 40].Array[1, 30], Gen.Int[0, 1000]);

    [Fact]
    public void Random_rings_keep_texts_apart() => Pieces.Sample((pieces, seed) =>
    {
        var random = new Random(seed);
        var ring = new TextRing(256);
        RingText[] texts = [ring.Begin(), ring.Begin(), ring.Begin()];
        List<int>[] expected = [[], [], []];
        foreach (var piece in pieces)
        {
            var at = random.Next(3);
            foreach (var token in piece)
            {
                ring.Append(texts[at], token);
                expected[at].Add(token);
            }
        }
        for (var i = 0; i < 3; i++)
        {
            var length = 0;
            for (var place = texts[i].Last; ring.IsLive(place); place = ring.Before(place))
                Assert.Equal(expected[i][^++length], ring.Token(place));
            Assert.Equal(expected[i].Count, texts[i].Count);
            if (pieces.Sum(piece => piece.Length) < 64) Assert.Equal(expected[i].Count, length);
        }
    }, iter: 500, threads: 1);
}
