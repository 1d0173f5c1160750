using Coppice.Drafting.Datastores;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>Datastore files: what they find, and that a bad one is refused.</summary>
public sealed class DatastoreTests
{
    private const int Vocabulary = 6;
    private static readonly byte[] Tokenizer = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private static int[][] Documents(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 8).Select(_ => Enumerable.Range(0, random.Next(40)).Select(_ => random.Next(Vocabulary)).ToArray())];
    }

    [Fact]
    public void The_longest_match_and_all_its_places_are_found()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            using var temporary = new TemporaryFile();
            var documents = Documents(seed);
            using (var file = File.Create(temporary.Path)) SuffixDatastore.Build(file, Tokenizer, documents);
            using var store = SuffixDatastore.Open(temporary.Path, Tokenizer, Vocabulary);
            var all = documents.SelectMany(document => document.Append(-1)).ToArray();
            var random = new Random(seed + 100);
            for (var query = 0; query < 50; query++)
            {
                int[] context = [.. Enumerable.Range(0, 8).Select(_ => random.Next(Vocabulary))];
                var (length, first, count) = store.Find(context, 6);
                var expected = Enumerable.Range(1, 6).LastOrDefault(n => Places(all, context[^n..]).Length > 0);
                Assert.Equal(expected, length);
                if (length == 0) continue;
                Assert.Equal(Places(all, context[^length..]), Enumerable.Range(first, count).Select(number => store.Next(number, length))
                    .Order());
            }
        }
    }

    [Fact]
    public void In_a_long_text_of_few_tokens_every_place_of_a_pattern_is_found()
    {
        var random = new Random(11);
        int[] text = [.. Enumerable.Range(0, 10_000).Select(_ => random.Next(4))];
        using var temporary = new TemporaryFile();
        using (var file = File.Create(temporary.Path)) SuffixDatastore.Build(file, Tokenizer, [text]);
        using var store = SuffixDatastore.Open(temporary.Path, Tokenizer, 4);
        for (var query = 0; query < 200; query++)
        {
            int[] pattern = [.. Enumerable.Range(0, 1 + query % 9).Select(_ => random.Next(4))];
            var (length, first, count) = store.Find(pattern, pattern.Length);
            Assert.Equal(Places(text, pattern[^length..]), Enumerable.Range(first, count).Select(number => store.Next(number, length))
                .Order());
            if (length < pattern.Length) Assert.Empty(Places(text, pattern[^(length + 1)..]));
        }
    }

    [Fact]
    public void A_bad_file_is_refused_with_one_kind_of_exception()
    {
        foreach (var suffix in (bool[])[true, false])
        {
            using var temporary = new TemporaryFile();
            using (var file = File.Create(temporary.Path))
                _ = suffix ? SuffixDatastore.Build(file, Tokenizer, Documents(1)) : TrigramStore.Build(file, Tokenizer, Documents(1));
            var good = File.ReadAllBytes(temporary.Path);
            Open(suffix, temporary.Path);
            var random = new Random(5);
            foreach (var length in (int[])[0, 1, 63, 64, good.Length - 1])
            {
                File.WriteAllBytes(temporary.Path, good[..length]);
                Assert.Throws<CheckpointException>(() => Open(suffix, temporary.Path));
            }
            for (var trial = 0; trial < 300; trial++)
            {
                var bad = good.ToArray();
                for (var i = random.Next(1, 4); i > 0; i--) bad[random.Next(bad.Length)] = (byte)random.Next(256);
                File.WriteAllBytes(temporary.Path, bad);
                try
                {
                    Open(suffix, temporary.Path);       // a change may leave a file that is well formed
                }
                catch (CheckpointException error)
                {
                    Assert.Contains("data.bin", error.Message, StringComparison.Ordinal);
                }
            }
            File.WriteAllBytes(temporary.Path, good);
            var other = suffix ? Assert.Throws<CheckpointException>(() => SuffixDatastore.Open(temporary.Path, new byte[32], Vocabulary))
                : Assert.Throws<CheckpointException>(() => TrigramStore.Open(temporary.Path, new byte[32], Vocabulary));
            Assert.Contains("tokenizer", other.Message, StringComparison.Ordinal);
            Assert.Throws<CheckpointException>(() => Open(!suffix, temporary.Path));
            Assert.Throws<CheckpointException>(() => Open(suffix, temporary.Path + ".missing"));
        }
    }

    /// <summary>Opens a file and looks something up.</summary>
    private static void Open(bool suffix, string path)
    {
        if (suffix)
        {
            using var store = SuffixDatastore.Open(path, Tokenizer, Vocabulary);
            var (length, first, count) = store.Find([1, 2, 3], 3);
            for (var i = 0; i < count; i++) Assert.InRange(store.Next(first + i, length), 0, store.Tokens.Length);
        }
        else
        {
            using var store = TrigramStore.Open(path, Tokenizer, Vocabulary);
            foreach (var (token, _) in store.Row(TrigramStore.Key(1, 2))) Assert.InRange(token, 0, Vocabulary - 1);
        }
    }

    /// <summary>Places after every occurrence, ascending.</summary>
    private static int[] Places(int[] all, int[] pattern) =>
        [.. Enumerable.Range(0, all.Length).Where(i => i + pattern.Length <= all.Length && all.AsSpan(i, pattern.Length)
            .SequenceEqual(pattern)).Select(i => i + pattern.Length)];
}
