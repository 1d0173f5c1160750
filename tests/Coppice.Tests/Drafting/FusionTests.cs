using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Drafting.Datastores;
using Coppice.Tests.Decoding.Laws;
using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>
/// RASD's trees: which continuations are found in a datastore, which of them are kept, and how they are fused with the draft's own tree.
/// </summary>
public sealed class FusionTests
{
    private const int Vocabulary = 6;

    private static readonly Gen<int[][]> Continuations = Gen.Int[0, Vocabulary - 1].Array[1, 6].Array[0, 8];

    /// <summary>The specification's one-level example with every token likely, so that the draft's tree is not a chain.</summary>
    private static readonly Toy Draft = new(Vocabulary, _ => [],
        path => [.. Enumerable.Range(0, Vocabulary).Select(t => new Rational((t + path.Sum()) % Vocabulary + 1, 21))]);

    private static TokenTree NewTree()
    {
        var tree = new TokenTree(256, 31);
        tree.Reset(0);
        return tree;
    }

    private static BestFirstTree Grow(TokenTree tree, int nodes)
    {
        var growth = new BestFirstTree(256, 3);
        growth.Grow(tree, new ToyDraft(Draft, 256), new DraftLimits(nodes, 4), default);
        return growth;
    }

    private static Retrieval Retrieved(int[][] continuations, int[] expected, int firstRanks = 16)
    {
        var retrieval = new Retrieval(128);
        retrieval.Trie.Clear();
        foreach (var continuation in continuations) retrieval.Trie.Add(continuation);
        retrieval.Prune(3, expected, new double[expected.Length], firstRanks);
        return retrieval;
    }

    private static string Key(IEnumerable<int> tokens) => string.Join(' ', tokens);

    private static HashSet<string> Paths(TokenTree tree) =>
        [.. Enumerable.Range(1, tree.Count - 1).Select(node => Key(Toy.Tokens(tree, node)))];

    private static IEnumerable<string> Prefixes(IEnumerable<int[]> continuations) =>
        continuations.SelectMany(continuation => Enumerable.Range(1, continuation.Length).Select(length => Key(continuation[..length])));

    private static void Fuse(TokenTree tree, BestFirstTree growth, Retrieval[] sources, DraftLimits limits) =>
        RasdDrafter.Fuse(tree, growth, sources, limits, default, new (Retrieval?, double)[256]);

    [Fact]
    public void Retrieved_paths_follow_the_drafts_as_far_as_they_agree()
    {
        var tree = NewTree();
        var growth = Grow(tree, nodes: 3);
        Assert.Equal(["5", "4"], Paths(tree));
        Fuse(tree, growth, [Retrieved([[5, 1, 2], [5, 1, 3], [0]], [5, 0])], new DraftLimits(32, 31));
        Assert.Equal(((string[])["5", "4", "5 1", "5 1 2", "5 1 3", "0"]).Order(), Paths(tree).Order());
        Assert.Equal([0, 0, 0], tree.Parents[1..3].ToArray().Append(0));
    }

    [Fact]
    public void The_fused_tree_is_the_union_of_all_paths() =>
        Gen.Select(Continuations, Continuations, Gen.Int[1, 12]).Sample((past, stored, nodes) =>
    {
        var tree = NewTree();
        var growth = Grow(tree, nodes);
        HashSet<string> union = [.. Paths(tree), .. Prefixes(past), .. Prefixes(stored)];
        int[] all = [.. Enumerable.Range(0, Vocabulary)];
        Fuse(tree, growth, [Retrieved(past, all), Retrieved(stored, all)], new DraftLimits(256, 31));
        Assert.Equal(union.Order(), Paths(tree).Order());
        Assert.Equal(union.Count + 1, tree.Count);
    }, iter: 300);

    [Fact]
    public void Pruning_keeps_what_the_draft_expects_the_budget_and_the_likeliest() =>
        Gen.Select(Continuations, Gen.Int[0, 12], Gen.Int[1, 5], Gen.Int[1, 6]).Sample((past, budget, expected, depth) =>
    {
        var tree = NewTree();
        int[] first = [.. Enumerable.Range(0, expected)];
        Fuse(tree, new BestFirstTree(256, 3), [Retrieved(past, first)], new DraftLimits(1 + budget, depth));
        Assert.InRange(tree.Count, 1, 1 + budget);
        var kept = Paths(tree);
        Assert.All(kept, path => Assert.Contains(int.Parse(path.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture), first));
        Assert.True(kept.IsSubsetOf(Prefixes(past)));
        var counts = Prefixes(past).GroupBy(path => path).ToDictionary(group => group.Key, group => (double)group.Count() / past.Length);
        var open = counts.Where(e => e.Key.Split(' ').Length <= depth
            && first.Contains(int.Parse(e.Key.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture))).ToArray();
        Assert.Equal(Math.Min(budget, open.Length), kept.Count);
        if (kept.Count > 0 && kept.Count < open.Length)
            Assert.True(kept.Min(path => Chance(path)) >= open.Where(e => !kept.Contains(e.Key)).Max(e => Chance(e.Key)) - 1e-9);

        // The product of shares along the path, where a continuation that ends takes its part of what its parent has.
        double Chance(string path) => counts[path];
    }, iter: 300);

    [Fact]
    public void The_most_frequent_continuation_of_a_long_match_needs_no_consent()
    {
        foreach (var (matched, kept) in (IEnumerable<(int, bool)>)[(7, false), (8, true)])
        {
            var retrieval = new Retrieval(16);
            retrieval.Trie.Clear();
            foreach (var continuation in (int[][])[[1, 2], [1, 3], [4]]) retrieval.Trie.Add(continuation);
            retrieval.Prune(matched, [5], [1], 10);
            var tree = NewTree();
            Fuse(tree, new BestFirstTree(16, 3), [retrieval], new DraftLimits(16, 4));
            Assert.Equal(kept ? ["1", "1 2", "1 3"] : [], Paths(tree).Order());
        }
    }

    [Fact]
    public void The_most_frequent_continuations_in_a_datastore_have_the_counts_of_a_search_through_all_places()
    {
        var random = new Random(4);
        int[][] documents = [.. Enumerable.Range(0, 10).Select(_ => Enumerable.Range(0, random.Next(80, 120)).Select(_ => random.Next(3))
            .ToArray())];
        using var temporary = new TemporaryFile();
        using (var file = File.Create(temporary.Path)) SuffixDatastore.Build(file, new byte[32], documents);
        using var store = SuffixDatastore.Open(temporary.Path, new byte[32], Vocabulary);
        var stored = new StoredContinuations(store);
        var trie = new RetrievedTrie(1 + StoredContinuations.Prefixes);
        for (var query = 0; query < 60; query++)
        {
            int[] context = [.. Enumerable.Range(0, 20).Select(_ => random.Next(3))];
            var length = stored.Collect(context, trie);
            Assert.InRange(length, 2, 16);
            var (places, counts) = (0, new Dictionary<string, int>());
            foreach (var document in documents)
            {
                for (var at = length; at <= document.Length; at++)
                {
                    if (!document.AsSpan(at - length, length).SequenceEqual(context.AsSpan(20 - length))) continue;
                    places++;
                    foreach (var path in Prefixes([document[at..Math.Min(at + 10, document.Length)]]))
                        counts[path] = counts.GetValueOrDefault(path) + 1;
                }
            }
            var found = new Dictionary<string, double> { [""] = places };
            for (var node = 1; node < trie.Count; node++)
            {
                var tokens = new List<int>();
                for (var at = node; at != 0; at = trie.Parent(at)) tokens.Insert(0, trie.Token(at));
                found[Key(tokens)] = found[Key(tokens.SkipLast(1))] * trie.Share(node);
                Assert.Equal(counts[Key(tokens)], found[Key(tokens)], 1e-9);
            }
            Assert.Equal(Math.Min(counts.Count, StoredContinuations.Prefixes), trie.Count - 1);
            if (counts.Count > trie.Count - 1)
                Assert.True(found.Values.Min() >= counts.Where(e => !found.ContainsKey(e.Key)).Max(e => e.Value) - 1e-9);
        }
        Assert.Equal(0, stored.Collect([5, 5, 5], trie));
        Assert.Equal(1, trie.Count);
    }
}
