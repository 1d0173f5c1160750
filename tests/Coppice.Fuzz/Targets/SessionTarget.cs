using System.Security.Cryptography;

namespace Coppice.Fuzz;

/// <summary>
/// Saved sessions, whose checksum is right: damage is found by it, what a stranger writes is not. Of caches as they are and compressed, and
/// of a model, whose session must refuse what a bare cache refuses.
/// </summary>
internal static class SessionTarget
{
    private const int HashBytes = 32, OfModelEach = 512;
    private static readonly Lazy<Sources> Known = new(() => new Sources());

    /// <summary>The target.</summary>
    public static Target Session => new(
        "session", Known.Value.Files,
        [[0xFF, 0xFF, 0xFF, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [1, 0, 0, 0], [64, 0, 0, 0], [96, 0, 0, 0]],
        static () =>
        {
            var known = Known.Value;
            var file = new InputFile("session");
            var ofModel = 0;
            return input =>
            {
                if (input.Length > HashBytes) SHA256.HashData(input.AsSpan(..^HashBytes), input.AsSpan(^HashBytes..));
                if (!known.OfModel.Knows(input) || ofModel++ % OfModelEach != 0)
                {
                    known.ReaderOf(input).Read(input);
                    return;
                }
                // A session has a thread and a queue of its own around the reader: as good as the reader, and a hundred times as slow.
                file.Write(input);
                var isRefused = Refuses(() => known.OfModel.Read(input));
                known.Session.LoadAsync(file.Path).GetAwaiter().GetResult();
                if (isRefused) throw new InvalidDataException("a session accepts what a cache refuses");
            };
        });

    private static bool Refuses(Action read)
    {
        try
        {
            read();
            return false;
        }
        catch (SessionFileException)
        {
            return true;
        }
    }

    /// <summary>Caches of each kind, a session of a model, and a file of each.</summary>
    private sealed class Sources
    {
        private readonly SessionReader[] _readers;

        public Sources()
        {
            var model = LanguageModel.Load(
                ModelFolder(), new() { Device = "cpu", ContextLength = 64, Threads = 1, KvCache = KvCacheOptions.Named("f16") });
            Session = model.NewSession();
            OfModel = new SessionReader(model.Spec.KvLayers, model.Spec.HeadDim, null, model.Fingerprint, model.VocabularySize);
            var (plain, ranges, outliers) = (
                new SessionReader(2, 1, null, Fingerprint(1)),
                new SessionReader(1, 16, KvCacheOptions.Named("kv-28").Compression, Fingerprint(2)),
                new SessionReader(1, 16, KvCacheOptions.Named("gear2").Compression, Fingerprint(3)));
            _readers = [plain, ranges, outliers, OfModel];
            Files = [plain.Written(3), plain.Written(64), ranges.Written(97), outliers.Written(161), OfModel.Written(3)];
        }

        public Session Session { get; }
        public SessionReader OfModel { get; }
        public IReadOnlyList<byte[]> Files { get; }

        public SessionReader ReaderOf(byte[] input) => _readers.FirstOrDefault(reader => reader.Knows(input)) ?? _readers[0];

        private static byte[] Fingerprint(byte kind) => [.. Enumerable.Repeat(kind, HashBytes)];

        /// <summary>A small model of the repository, with one head of keys and values.</summary>
        private static string ModelFolder()
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            {
                var weights = Path.Combine(folder.FullName, "tests", "golden", "families", "llama-bf16");
                if (Directory.Exists(weights)) return weights;
            }
            throw new DirectoryNotFoundException("tests/golden/families was not found above the program.");
        }
    }
}
