using Coppice.Drafting.Datastores;
using Coppice.Drafting.NGrams;

namespace Coppice.Fuzz;

/// <summary>Files that the engine itself writes: datastores and n-grams.</summary>
internal static class StateTargets
{
    private const int Vocabulary = 32;
    private static readonly byte[] Fingerprint = [.. Enumerable.Range(1, DatastoreFile.FingerprintBytes).Select(i => (byte)i)];

    /// <summary>Both kinds of datastore: what is opened can be asked anything.</summary>
    public static Target Datastore { get; } = new(
        "datastore", [Written(SuffixDatastore.Build), Written(TrigramStore.Build)],
            [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0, 0, 0, 0x20]],
        static () =>
        {
            var file = new InputFile("datastore");
            return input =>
            {
                file.Write(input);
                // The kind stands at the beginning; what is of neither is refused by both in the same words.
                if (input.AsSpan().StartsWith("COPSUFX"u8)) UseSuffixes(file.Path);
                else UseTrigrams(file.Path);
            };
        });

    /// <summary>Stores of n-grams: what is opened can be asked anything.</summary>
    public static Target NGrams { get; } = new(
        "ngrams", [WrittenNGrams(3, 1), WrittenNGrams(5, 2), WrittenNGrams(2, 1)],
            [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0, 0, 0, 0x20], [1, 0, 0, 0], [2], [4]],
        static () =>
        {
            var file = new InputFile("ngrams");
            return input =>
            {
                file.Write(input);
                using var store = NGramStore.Open(file.Path, Fingerprint, Vocabulary);
                for (var order = 2; order <= store.LastOrder; order++)
                {
                    foreach (var (tokens, _) in store.Runs(order))
                    {
                        if (tokens.Any(token => (uint)token >= Vocabulary))
                            throw new InvalidDataException($"tokens {string.Join(' ', tokens)}");
                        if (!store.TryFind(tokens.AsSpan(0, order - 1), out var context)) continue;
                        var counts = new long[3];
                        store.Count(context, [-1, tokens[^1], int.MaxValue], counts);
                        if (counts.Max() > context.Total)
                            throw new InvalidDataException($"{string.Join(' ', tokens)} is more frequent than its beginning");
                    }
                }
            };
        });

    private static void UseSuffixes(string path)
    {
        using var suffixes = SuffixDatastore.Open(path, Fingerprint, Vocabulary);
        foreach (var token in suffixes.Tokens)
        {
            var (length, first, count) = suffixes.Find([1, 2, (int)token], SuffixDatastore.SortedTokens);
            for (var i = first; i < first + count; i++)
            {
                if ((uint)suffixes.Next(i, length) > (uint)suffixes.Tokens.Length) throw new InvalidDataException("a match ends outside");
            }
        }
    }

    private static void UseTrigrams(string path)
    {
        using var trigrams = TrigramStore.Open(path, Fingerprint, Vocabulary);
        for (var first = 0; first < 6; first++)
        {
            for (var second = 0; second < 6; second++)
            {
                foreach (var (token, _) in trigrams.Row(TrigramStore.Key(first, second)))
                {
                    if ((uint)token >= Vocabulary) throw new InvalidDataException($"token {token}");
                }
            }
        }
    }

    private delegate int Build(Stream stream, ReadOnlySpan<byte> fingerprint, IEnumerable<int[]> documents);

    private static byte[] Written(Build build)
    {
        using var stream = new MemoryStream();
        build(stream, Fingerprint, [[1, 2, 3, 1, 2, 4], [5, 1, 2, 3]]);
        return stream.ToArray();
    }

    private static byte[] WrittenNGrams(int orders, int leastCount)
    {
        using var builder = new NGramBuilder(Vocabulary, orders, Path.GetTempPath());
        foreach (var document in (int[][])[[1, 2, 3, 1, 2, 4], [5, 1, 2, 3], [31, 31, 31, 31, 31]]) builder.Add(document);
        using var stream = new MemoryStream();
        builder.Write(stream, Fingerprint, leastCount: leastCount);
        return stream.ToArray();
    }
}
