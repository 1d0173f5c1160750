using System.CommandLine;
using System.Globalization;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Cli.Commands;

/// <summary>`coppice dump-hidden`: hidden states of given texts, in files that training maps into memory.</summary>
/// <remarks>
/// Each file is a safetensors file of whole texts: <c>ids</c> [tokens] I32; <c>texts</c> [texts, 3] I32, the first token of each text in
/// the file, its tokens, and how many of them are its prompt; and <c>hidden.LAYER</c> [tokens, hidden] F16 for every layer, values beyond
/// F16 clamped to its largest.
/// </remarks>
internal static class DumpHiddenCommand
{
    private const string Final = "final", Embedding = "embedding";

    private static readonly Option<string> Lines = new("--jsonl")
    {
        Description = "A text for each line: \"text\" or \"ids\", after \"prompt\", \"messages\" or \"prompt_ids\" if any; - for stdin",
        HelpName = "FILE",
        Required = true,
    };

    private static readonly Option<string> Out = new("--out")
    {
        Description = "The folder for the files hidden-00001.safetensors and so on",
        HelpName = "DIR",
        Required = true,
    };

    private static readonly Option<string> Layers = new("--layers")
    {
        Description = "Which states: final (what the head reads), embedding, or numbers of layers, the stream after each",
        HelpName = "LIST",
        DefaultValueFactory = _ => Final,
    };

    private static readonly Option<int> ShardTokens = new("--shard-tokens")
    {
        Description = "Tokens of a file at most, unless a single text has more",
        HelpName = "N",
        DefaultValueFactory = _ => 1 << 16,
    };

    public static Command Create() =>
        new Command("dump-hidden", "Write the hidden states of texts, to train draft heads on") { Lines, Out, Layers, ShardTokens }
            .WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var layers = ParseLayers(context, context.Value(Layers)!);
        var most = context.Value(ShardTokens);
        if (most < 1) throw context.Usage($"--shard-tokens must be at least 1, got {most}");
        DumpRequest[] requests = [.. JsonLines.Read(context.Value(Lines)!).Select(DumpRequest.Read)];
        if (requests.Length == 0) throw new CommandException($"{context.Value(Lines)}: must hold at least one text, found none.");
        using var loaded = ModelArguments.Load(context);
        foreach (var layer in layers)
        {
            if (layer is HiddenLayer.Final or HiddenLayer.Embedding || layer < loaded.Model.Spec.Layers.Count) continue;
            throw context.Usage($"--layers: the model has layers 0 to {loaded.Model.Spec.Layers.Count - 1}, got {layer}");
        }
        ChatRenderer? renderer = null;
        var texts = requests.Select(request => request.Tokens(loaded.Model, ref renderer)).ToArray();
        var folder = context.Value(Out)!;
        var files = new List<string>();
        var (done, total) = (0L, texts.Sum(Count));
        var stopped = context.Interrupts.Run(cancellation =>
        {
            Create(folder);
            using var scorer = new Scorer(loaded.Model);
            using var bar = new ProgressBar("texts", context.Output);
            for (int first = 0, end; first < texts.Length; first = end)
            {
                var tokens = Count(texts[first]);
                for (end = first + 1; end < texts.Length && tokens + Count(texts[end]) <= most; end++) tokens += Count(texts[end]);
                var name = string.Create(CultureInfo.InvariantCulture, $"hidden-{files.Count + 1:00000}.safetensors");
                Write(Path.Combine(folder, name), scorer, layers, loaded.Model.Spec.HiddenSize, texts.AsSpan(first, end - first),
                    count => bar.Report(done += count, total), cancellation);
                files.Add(name);
            }
        });
        if (stopped) return ExitStatus.Interrupted;
        var bytes = files.Sum(name => new FileInfo(Path.Combine(folder, name)).Length);
        if (context.Output.Json)
        {
            var fingerprint = Convert.ToHexStringLower(loaded.Model.HeadFingerprint());
            var result = new DumpHiddenResult(texts.Length, total, files, bytes, fingerprint);
            context.Output.WriteJson(result, CliJson.Default.DumpHiddenResult);
        }
        else
        {
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{texts.Length:N0} texts, {total:N0} tokens, {files.Count:N0} files, {bytes:N0} bytes"));
        }
        return ExitStatus.Done;
    }

    private static long Count(ScoredText text) => text.Prompt.Count + text.Text.Count;

    private static int[] ParseLayers(CommandContext context, string text)
    {
        var layers = text.Split(',', StringSplitOptions.TrimEntries).Select(name => name switch
        {
            Final => HiddenLayer.Final,
            Embedding => HiddenLayer.Embedding,
            _ when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var layer) && layer != HiddenLayer.Final
                => layer,
            _ => throw context.Usage($"--layers must be {Final}, {Embedding} or numbers from 0 on, each once, got \"{name}\""),
        }).ToArray();
        return layers.Distinct().Count() == layers.Length
            ? layers
            : throw context.Usage($"--layers must name each layer once, got \"{text}\"");
    }

    private static string NameOf(int layer) => "hidden." + layer switch
    {
        HiddenLayer.Final => Final,
        HiddenLayer.Embedding => Embedding,
        _ => layer.ToString(CultureInfo.InvariantCulture),
    };

    private static void Create(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException($"{folder}: cannot be made: {error.Message}", error);
        }
    }

    /// <summary>Writes one file; what a later layer gives waits in memory, so that every tensor is written in one piece.</summary>
    private static void Write(string path, Scorer scorer, int[] layers, int width, ReadOnlySpan<ScoredText> texts, Action<long> report,
        CancellationToken cancellation)
    {
        var ids = new List<int>();
        var places = new List<int>();
        foreach (var text in texts)
        {
            places.AddRange([ids.Count, text.Prompt.Count + text.Text.Count, text.Prompt.Count]);
            ids.AddRange(text.Prompt);
            ids.AddRange(text.Text);
        }
        var states = layers.ToDictionary(layer => layer, _ => new Half[checked(ids.Count * width)]);
        for (var i = 0; i < texts.Length; i++)
        {
            var (start, count) = (places[3 * i], places[3 * i + 1]);
            int[] tokens = [.. texts[i].Prompt, .. texts[i].Text];
            scorer.States(tokens, layers, (layer, first, rows) =>
            {
                var target = states[layer].AsSpan((start + first) * width, rows.Length);
                for (var j = 0; j < rows.Length; j++) target[j] = (Half)Math.Clamp(rows[j], (float)Half.MinValue, (float)Half.MaxValue);
            }, cancellation);
            report(count);
        }
        (string, SafetensorsType, long[])[] tensors =
        [
            ("ids", SafetensorsType.I32, [ids.Count]), ("texts", SafetensorsType.I32, [texts.Length, 3]),
            .. layers.Select(layer => (NameOf(layer), SafetensorsType.F16, new long[] { ids.Count, width })),
        ];
        try
        {
            using var writer = new SafetensorsWriter(path, tensors);
            writer.Write<int>(ids.ToArray());
            writer.Write<int>(places.ToArray());
            foreach (var layer in layers) writer.Write<Half>(states[layer]);
            writer.Complete();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{path}: cannot be written: {error.Message}", error);
        }
    }
}
