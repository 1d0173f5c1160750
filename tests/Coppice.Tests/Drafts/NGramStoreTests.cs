using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Coppice.Drafting;
using Coppice.Drafting.NGrams;
using Coppice.Tests.Support;
using Coppice.Text;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>S10: counts of n-grams against a dictionary, shards against one pass, golden stores, and files that are refused.</summary>
public sealed class NGramStoreTests
{
    [Theory]
    [InlineData(6, 2, 1), InlineData(6, 4, 1), InlineData(300, 3, 1), InlineData(70_000, 6, 1), InlineData(6, 7, 1), InlineData(6, 5, 3),
        InlineData(90, 3, 2)]
    public void Counts_equal_those_of_a_dictionary_whatever_the_shards(int vocabulary, int orders, int least)
    {
        for (var seed = 0; seed < 6; seed++)
        {
            var random = new Random(seed);
            int[][] documents =
                [.. Enumerable.Range(0, 9).Select(_ =>
                Enumerable.Range(0, random.Next(60)).Select(_ => vocabulary - 1 - random.Next(Math.Min(vocabulary, 6))).ToArray())];
            using TemporaryFile file = new(), sharded = new();
            using (var store = GoldenDrafts.Store(file, vocabulary, orders, documents, least: least))
            {
                for (var order = 2; order <= orders; order++) Check(store, documents, order, least);
                Assert.Equal(documents.Sum(document => document.Length), store.Tokens);
                Assert.Equal((2, orders, least), (store.FirstOrder, store.LastOrder, store.LeastCount));
            }
            GoldenDrafts.Store(sharded, vocabulary, orders, documents, shard: 1 + seed * 7, least: least).Dispose();
            Assert.Equal(File.ReadAllBytes(file.Path), File.ReadAllBytes(sharded.Path));
        }
    }

    /// <summary>Neither files that are open nor those on the disk grow with the number of shards.</summary>
    [Fact]
    public void Many_shards_are_merged_as_they_come()
    {
        var folder = Directory.CreateTempSubdirectory("coppice-shards-").FullName;
        try
        {
            var random = new Random(3);
            int[] document = [.. Enumerable.Range(0, 4000).Select(_ => random.Next(9))];
            using var sharded = new MemoryStream();
            var most = 0;
            using (var builder = new NGramBuilder(9, 4, folder, shardTokens: 1))
            {
                foreach (var part in document.Chunk(100))
                {
                    builder.Add(part);
                    most = Math.Max(most, Directory.GetFiles(folder).Length);
                }
                Assert.Equal(4000, builder.Shards);
                builder.Write(sharded, GoldenDrafts.Tokenizer);
            }
            Assert.InRange(most, 1, 3 * 32);
            Assert.Empty(Directory.GetFiles(folder));
            using TemporaryFile whole = new();
            GoldenDrafts.Store(whole, 9, 4, document.Chunk(100)).Dispose();
            Assert.Equal(File.ReadAllBytes(whole.Path), sharded.ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void What_does_not_occur_has_no_context()
    {
        using var file = new TemporaryFile();
        using var store = GoldenDrafts.Store(file, 8, 3, [[1, 2, 3], [3], []]);
        Assert.False(store.TryFind([3], out _));        // documents end after it
        Assert.False(store.TryFind([2, 3], out _));
        Assert.False(store.TryFind([5], out _));
        Assert.False(store.TryFind([-1], out _));
        Assert.False(store.TryFind([1 << 20], out _));
        Assert.True(store.TryFind([1, 2], out var context));
        Assert.Equal((1, 0, 0), (store.Count(context, 3), store.Count(context, 2), store.Count(context, -5)));
    }

    [Fact]
    public void The_golden_stores_have_their_sizes_and_hashes()
    {
        var folder = SharedData.Require("golden/superposed");
        if (!File.Exists(Path.Combine(folder, "golden.json"))) folder = Path.Combine(SharedData.Root ?? "", "golden", "superposed");
        var tokenizer = Tokenizer.Load(SharedData.Require("models/smollm2-135m-instruct"));
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "golden.json")));
        foreach (var golden in json.RootElement.GetProperty("stores").EnumerateObject())
        {
            using var file = new TemporaryFile();
            using var store = GoldenDrafts.Store(file, tokenizer.VocabularySize, 6, Documents(tokenizer, golden.Value));
            foreach (var order in golden.Value.GetProperty("orders").EnumerateArray())
            {
                var n = order.GetProperty("order").GetInt32();
                using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                var (entries, contexts) = (0, new HashSet<string>());
                foreach (var (tokens, count) in store.Runs(n))
                {
                    hash.AppendData(MemoryMarshal.AsBytes<uint>([.. tokens.Select(token => (uint)token), (uint)count]));
                    contexts.Add(string.Join(' ', tokens[..^1]));
                    entries++;
                }
                Assert.Equal(
                    (n, order.GetProperty("contexts").GetInt32(), order.GetProperty("entries").GetInt32(),
                        order.GetProperty("positions").GetInt64()),
                    (n, contexts.Count, entries, store.Sections[n - 1].Positions));
                Assert.Equal(order.GetProperty("sha256").GetString(), Convert.ToHexStringLower(hash.GetHashAndReset()));
            }
        }
    }

    [Fact]
    public void A_bad_file_is_refused_with_one_kind_of_exception()
    {
        using var file = new TemporaryFile();
        GoldenDrafts.Store(file, 6, 3, [[1, 2, 3, 1, 2, 4], [5, 1, 2, 3], [2, 2, 2]]).Dispose();
        var good = File.ReadAllBytes(file.Path);
        Assert.Contains("another's", Assert.Throws<CheckpointException>(() => NGramStore.Open(file.Path, new byte[32], 6)).Message,
            StringComparison.Ordinal);
        Assert.Contains("at most the 5 tokens",
            Assert.Throws<CheckpointException>(() => NGramStore.Open(file.Path, GoldenDrafts.Tokenizer, 5)).Message,
            StringComparison.Ordinal);
        foreach (var length in (int[])[0, 1, 63, 64, 100, 256, good.Length - 1])
        {
            File.WriteAllBytes(file.Path, good[..length]);
            Assert.Throws<CheckpointException>(() => NGramStore.Open(file.Path, GoldenDrafts.Tokenizer, 6));
        }
        var random = new Random(5);
        var (refused, opened) = (0, 0);
        for (var trial = 0; trial < 2000; trial++)
        {
            var bad = good.ToArray();
            for (var i = random.Next(1, 4); i > 0; i--) bad[random.Next(bad.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(file.Path, bad);
            try
            {
                using var store = NGramStore.Open(file.Path, GoldenDrafts.Tokenizer, 6);
                opened++;
                for (var order = 2; order <= store.LastOrder; order++) Assert.All(store.Runs(order), run =>
                    Assert.All(run.Tokens, token => Assert.InRange(token, 0, 5)));
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }
        Assert.True(refused > 1000, $"{refused} refused, {opened} opened");
    }

    [Fact]
    public void What_cannot_be_counted_is_refused_before_anything_is_written()
    {
        Assert.Contains("128 bits", Assert.Throws<ArgumentException>(() => new NGramBuilder(1 << 20, 7, Path.GetTempPath())).Message,
            StringComparison.Ordinal);
        using var builder = new NGramBuilder(4, 3, Path.GetTempPath());
        Assert.Contains("got 4", Assert.Throws<ArgumentException>(() => builder.Add([1, 4])).Message, StringComparison.Ordinal);
        Assert.Equal(0, builder.Documents);
    }

    /// <summary>The documents of a golden store, each text whole.</summary>
    internal static IEnumerable<int[]> Documents(Tokenizer tokenizer, JsonElement golden) =>
        golden.GetProperty("documents").EnumerateArray().Select(document =>
        {
            var ids = tokenizer.Encode(
                File.ReadAllText(Path.Combine(SharedData.Require("golden/text"), document.GetProperty("text").GetString()!)),
                addSpecialTokens: false);
            Assert.Equal(document.GetProperty("tokens").GetInt32(), ids.Length);
            return ids;
        });

    private static void Check(NGramStore store, int[][] documents, int order, int least)
    {
        var counts = new Dictionary<string, long>();
        var totals = new Dictionary<string, long>();
        foreach (var document in documents)
        {
            for (var i = 0; i + order <= document.Length; i++)
            {
                var run = document.AsSpan(i, order);
                counts[Key(run)] = counts.GetValueOrDefault(Key(run)) + 1;
                totals[Key(run[..^1])] = totals.GetValueOrDefault(Key(run[..^1])) + 1;
            }
        }
        var kept = counts.Where(pair => pair.Value >= least).ToDictionary();
        var found = store.Runs(order).ToArray();
        Assert.Equal(kept.OrderBy(pair => pair.Key, StringComparer.Ordinal),
            found.Select(run => KeyValuePair.Create(Key(run.Tokens), run.Count)).OrderBy(pair => pair.Key, StringComparer.Ordinal));
        foreach (var (tokens, count) in found)
        {
            Assert.True(store.TryFind(tokens.AsSpan(0, order - 1), out var context));
            Assert.Equal(totals[Key(tokens.AsSpan()[..^1])], context.Total);
            Assert.Equal(count, store.Count(context, tokens[^1]));
        }
        // Many at once, those that do not follow among them.
        foreach (var group in found.GroupBy(run => Key(run.Tokens.AsSpan()[..^1])))
        {
            int[] asked = [.. group.Select(run => run.Tokens[^1]).SelectMany(token => new[] { token - 1, token, token + 2 }).Distinct()
                .Order()];
            var answers = new long[asked.Length];
            Assert.True(store.TryFind(group.First().Tokens.AsSpan(0, order - 1), out var all));
            store.Count(all, asked, answers);
            Assert.Equal(asked.Select(token => kept.GetValueOrDefault($"{group.Key} {token}")), answers);
        }
        if (least > 1) return;
        // The probabilities after a context add up to 1.
        foreach (var context in found.GroupBy(run => Key(run.Tokens.AsSpan()[..^1])))
            Assert.Equal(totals[context.Key], context.Sum(run => run.Count));
    }

    private static string Key(ReadOnlySpan<int> tokens) =>
        string.Join(' ', tokens.ToArray().Select(token => token.ToString(CultureInfo.InvariantCulture)));
}
