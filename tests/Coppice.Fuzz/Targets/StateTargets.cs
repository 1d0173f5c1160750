using System.Security.Cryptography;
using Coppice.Drafting.Datastores;
using Coppice.Drafting.NGrams;

namespace Coppice.Fuzz;

/// <summary>Files that the engine itself writes: datastores and saved sessions.</summary>
internal static class StateTargets
{
    private const int Vocabulary = 32, HashBytes = 32;
    private static readonly byte[] Fingerprint = [.. Enumerable.Range(1, DatastoreFile.FingerprintBytes).Select(i => (byte)i)];
    private static readonly Lazy<byte[][]> Sessions = new(SaveSessions);

    /// <summary>Both kinds of datastore.</summary>
    public static Target Datastore { get; } = new(
        "datastore", [Written(SuffixDatastore.Build), Written(TrigramStore.Build)],
            [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0, 0, 0, 0x20]],
        static () =>
        {
            var path = Path.Combine(Targets.NewFolder(), "datastore");
            return input =>
            {
                File.WriteAllBytes(path, input);
                Exception? refused = null;
                try
                {
                    using var suffixes = SuffixDatastore.Open(path, Fingerprint, Vocabulary);
                    foreach (var token in suffixes.Tokens) _ = token;
                }
                catch (CheckpointException error)
                {
                    refused = error;
                }
                try
                {
                    using var trigrams = TrigramStore.Open(path, Fingerprint, Vocabulary);
                }
                catch (CheckpointException error) when (refused is null || !error.Message.Contains("kind", StringComparison.Ordinal))
                {
                    throw;
                }
            };
        });

    /// <summary>Stores of n-grams: what is opened can be asked anything.</summary>
    public static Target NGrams { get; } = new(
        "ngrams", [WrittenNGrams(3, 1), WrittenNGrams(5, 2), WrittenNGrams(2, 1)],
            [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0, 0, 0, 0x20], [1, 0, 0, 0], [2], [4]],
        static () =>
        {
            var path = Path.Combine(Targets.NewFolder(), "ngrams");
            return input =>
            {
                File.WriteAllBytes(path, input);
                using var store = NGramStore.Open(path, Fingerprint, Vocabulary);
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

    /// <summary>Saved sessions, whose checksum is right: damage is found by it, what a stranger writes is not.</summary>
    public static Target Session => new(
        "session", Sessions.Value, [[0xFF, 0xFF, 0xFF, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [1, 0, 0, 0]],
        static () =>
        {
            var model = Load();
            var session = model.NewSession();
            var path = Path.Combine(Targets.NewFolder(), "session");
            return input =>
            {
                if (input.Length > HashBytes) SHA256.HashData(input.AsSpan(..^HashBytes), input.AsSpan(^HashBytes..));
                File.WriteAllBytes(path, input);
                session.LoadAsync(path).GetAwaiter().GetResult();
                foreach (var token in session.Tokens)
                {
                    if (token < 0 || token >= model.VocabularySize) throw new InvalidDataException($"token {token}");
                }
            };
        });

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

    private static byte[][] SaveSessions()
    {
        using var model = Load();
        using var session = model.NewSession();
        var path = Path.Combine(Targets.NewFolder(), "seed");
        session.PrefillAsync([1, 2, 3]).GetAwaiter().GetResult();
        session.SaveAsync(path).GetAwaiter().GetResult();
        return [File.ReadAllBytes(path)];
    }

    /// <summary>The repository's small model.</summary>
    private static LanguageModel Load()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var weights = Path.Combine(folder.FullName, "weights", "tiny");
            if (Directory.Exists(weights)) return LanguageModel.Load(weights, new() { Device = "cpu", ContextLength = 64, Threads = 1 });
        }
        throw new DirectoryNotFoundException("weights/tiny was not found above the program.");
    }
}
