using System.Diagnostics;
using System.Globalization;
using System.Text;
using Coppice.Text;

namespace Coppice.Bench.Texts;

/// <summary>`texts`: how fast texts become ids and ids texts, beside other tokenizers, on every golden tokenizer.</summary>
internal static class TextBench
{
    private const double SliceSeconds = 0.1;
    private const double WordPieceBar = 1.1, Bar = 1.3, DecodeBar = 100;

    public static int Run(Func<string, string?> take)
    {
        var repository = BenchResults.Repository()
            ?? throw new DirectoryNotFoundException("texts: the program must stand in the repository.");
        var shared = take("--shared") ?? Environment.GetEnvironmentVariable("COPPICE_SHARED") ?? Path.Combine(repository, "..", "shared");
        var rounds = int.Parse(take("--rounds") ?? "7", CultureInfo.InvariantCulture);
        var only = take("--only");
        var texts = BenchText.Read(Path.Combine(shared, "golden"), repository);
        string[] folders = [.. Directory.EnumerateDirectories(Path.Combine(shared, "golden", "tokenizers")).Order(StringComparer.Ordinal),
            Path.Combine(shared, "models", "all-minilm-l6-v2")];
        var (encoded, decoded) = (new StringBuilder(), new StringBuilder());
        foreach (var folder in folders.Where(folder => only is null || Path.GetFileName(folder).Contains(only, StringComparison.Ordinal)))
        {
            var tokenizer = Tokenizer.Load(folder);
            IReadOnlyList<TextPeer> peers = [.. TextPeer.OfMicrosoft(folder)];
            if (peers[0].Name == "BertTokenizer") peers = [.. peers, TextPeer.FastBert(folder)];
            if (TextPeer.HuggingFace(folder) is { } original) peers = [.. peers, original];
            foreach (var text in texts)
            {
                Show(encoded, Encoding(tokenizer, Path.GetFileName(folder), text, peers, rounds));
                Show(decoded, Decoding(tokenizer, Path.GetFileName(folder), text, rounds));
            }
        }
        if (only is null && BenchResults.Folder() is { } results)
            File.WriteAllText(Path.Combine(results, "text.md"), Page(texts, rounds, encoded.ToString(), decoded.ToString()));
        return 0;
    }

    private static void Show(StringBuilder page, string rows)
    {
        Console.Write(rows);
        page.Append(rows);
    }

    private static string Page(IReadOnlyList<BenchText> texts, int rounds, string encoded, string decoded) => $"""
        # Texts to ids and back

        {BenchResults.Processor()}, one thread. MB/s of UTF-8, medians of {rounds} rounds in which the tokenizers take turns for
        {Text($"{SliceSeconds * 1000:0}")} ms each, after two rounds that do not count. Documents of about 4,096 characters:
        {string.Join(", ", texts.Select(text => Text($"{text.Kind} {text.Bytes / 1000:0} kB")))}. Peers: Microsoft.ML.Tokenizers 2.0.1 with
        every class that can have the vocabulary, FastBertTokenizer 1.2.6, and Hugging Face tokenizers through Tokenizers.DotNet 1.4.1.
        *same*: documents whose ids are ours, which are those of Hugging Face tokenizers in every golden case. *bytes*: allocated on the
        managed heap for each token. Written by `coppice-bench texts` (see [the suite](../../Coppice.Bench/README.md)).

        ## Text to ids

        | tokenizer | text | Coppice | bytes | peer | its speed | same | ratio | bar |
        |---|---|--:|--:|---|--:|--:|--:|---|
        {encoded}
        ## Ids to text

        | tokenizer | text | whole | bytes | token by token | bytes | bar |
        |---|---|--:|--:|--:|--:|---|
        {decoded}
        """;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Encoding(Tokenizer tokenizer, string name, BenchText text, IReadOnlyList<TextPeer> peers, int rounds)
    {
        var ids = new List<int>();
        var expected = text.Documents.Select(document => tokenizer.Encode(document, addSpecialTokens: false)).ToArray();
        var speeds = Measure(rounds, text, [() => Ours(), .. peers.Select(peer => (Action)(() => Theirs(peer)))]);
        var bytes = Allocated(Ours, expected.Sum(part => part.Length));
        var page = new StringBuilder();
        for (var i = 0; i < peers.Count; i++)
        {
            var same = text.Documents.Where((document, at) => peers[i].Encode(document).SequenceEqual(expected[at])).Count();
            var (ratio, bar) = (speeds[0] / speeds[i + 1], peers[i].Name == "FastBertTokenizer" ? WordPieceBar : Bar);
            var judged = peers[i].Name != "Tokenizers.DotNet" && (text.Kind != "English" || bar == WordPieceBar);
            page.Append(CultureInfo.InvariantCulture, $"| {name} | {text.Kind} | {speeds[0]:0.0} | {bytes:0.0} | {peers[i].Name} ")
                .Append(CultureInfo.InvariantCulture, $"| {speeds[i + 1]:0.0} | {same} of {expected.Length} | {ratio:0.00} ")
                .Append(CultureInfo.InvariantCulture, $"| {(judged ? Verdict(ratio >= bar, $">= {bar}") : "")} |\n");
        }
        return page.ToString();

        void Ours()
        {
            foreach (var document in text.Documents)
            {
                ids.Clear();
                tokenizer.Encode(document, ids, addSpecialTokens: false);
            }
        }

        void Theirs(TextPeer peer)
        {
            foreach (var document in text.Documents) peer.Encode(document);
        }
    }

    private static string Decoding(Tokenizer tokenizer, string name, BenchText text, int rounds)
    {
        var documents = text.Documents.Select(document => tokenizer.Encode(document, addSpecialTokens: false)).ToArray();
        var tokens = documents.Sum(document => document.Length);
        var made = new BenchText(text.Kind, [.. documents.Select(document => tokenizer.Decode(document))]);
        var stream = new StreamingDecoder(tokenizer);
        var speeds = Measure(rounds, made, [Whole, Stream]);
        return Text($"| {name} | {text.Kind} | {speeds[0]:0.0} | {Allocated(Whole, tokens):0.0} ")
            + Text($"| {speeds[1]:0.0} | {Allocated(Stream, tokens):0.0} | {Verdict(speeds[0] >= DecodeBar, $">= {DecodeBar}")} |\n");

        void Whole()
        {
            foreach (var document in documents) tokenizer.Decode(document);
        }

        void Stream()
        {
            foreach (var document in documents)
            {
                foreach (var id in document) stream.Append(id);
                stream.Flush();
            }
        }
    }

    private static string Verdict(bool met, string bar) => met ? bar : $"**{bar}: missed**";

    /// <summary>MB/s of each work, in turn.</summary>
    private static double[] Measure(int rounds, BenchText text, Action[] works)
    {
        var speeds = works.Select(_ => new List<double>()).ToArray();
        for (var round = -2; round < rounds; round++)
        {
            for (var i = 0; i < works.Length; i++)
            {
                var (runs, start) = (0, Stopwatch.GetTimestamp());
                double seconds;
                do
                {
                    works[i]();
                    runs++;
                    seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                }
                while (seconds < SliceSeconds);
                if (round >= 0) speeds[i].Add(runs * text.Bytes / seconds / 1e6);
            }
        }
        return [.. speeds.Select(all => all.Order().ElementAt(all.Count / 2))];
    }

    private static double Allocated(Action work, int tokens)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)tokens;
    }
}
