using System.CommandLine;
using Coppice.Cli.Measuring;
using Coppice.Kernels;
using Coppice.Loading;
using Coppice.Weights;

namespace Coppice.Cli.Commands;

/// <summary>
/// `coppice tune`: measures each format of activations that a model's weights take, and writes down the fastest that changes the
/// perplexity of a text by less than 0.3 %: what `--activations auto` then uses.
/// </summary>
internal static class TuneCommand
{
    /// <summary>How far perplexity may move.</summary>
    private const double Tolerance = 0.003;
    private const int ScoredTokens = 2048, Window = 512, PromptTokens = 256, NewTokens = 64;

    private static readonly Option<string?> TextOption = new("--text")
    {
        Description = "What perplexity is measured on [default: the text that ships with the program]",
        HelpName = "FILE",
    };

    private static readonly Option<int?> Rounds =
        ModelArguments.Whole("--rounds", 1, 1000, "Rounds, each of which measures every format once; the median counts [default: 3]");

    public static Command Create() => new Command(
        "tune", "Find the fastest way to read activations for a model on this machine; --activations auto uses it")
    {
        TextOption, Rounds,
    }.WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        if (context.Has(ModelArguments.Activations))
            throw context.Usage("tune measures every format of activations: --activations is not for it");
        var folder = ModelFolders.Require(context.Value(ModelArguments.Model)!);
        var path = context.Value(TextOption) ?? ShippedText();
        var text = TextFile.Read(path);
        var candidates = new List<Candidate>();
        TuneResult? result = null;
        try
        {
            var stopped = context.Interrupts.Run(cancellation =>
            {
                result = Measure(context, folder, path, text, candidates, cancellation);
            });
            if (stopped || result is null) return ExitStatus.Interrupted;
        }
        finally
        {
            foreach (var candidate in candidates) candidate.Dispose();
        }
        Report(context, result);
        return ExitStatus.Done;
    }

    private static TuneResult Measure(
        CommandContext context, string folder, string path, string text, List<Candidate> candidates, CancellationToken cancellation)
    {
        var weights = context.Value(ModelArguments.Weights)!;
        var kv = context.Value(ModelArguments.Kv)!;
        // As they are, which every format of weights takes, then what this one and the device take beside it.
        candidates.Add(new Candidate("f32", ModelArguments.Load(context, weights, kv, "f32")));
        var first = candidates[0].Model;
        foreach (var (name, format) in ModelChoices.Activations.Supported)
        {
            if (format is ActivationFormat.F32 or ActivationFormat.Auto || !Takes(first, format)) continue;
            candidates.Add(new Candidate(name, ModelArguments.Load(context, weights, kv, name)));
        }
        using (var bar = new ProgressBar("scoring", context.Output))
            foreach (var candidate in candidates) candidate.Score(text, path, bar, cancellation);
        var rounds = context.Value(Rounds) ?? 3;
        using (var bar = new ProgressBar("measuring", context.Output))
        {
            for (var round = -1; round < rounds; round++)
            {
                foreach (var candidate in candidates) candidate.Measure(round >= 0, cancellation);
                bar.Report(round + 2, rounds + 1);
            }
        }
        var reference = candidates[0].Perplexity;
        var chosen = candidates.Where(candidate => Math.Abs(candidate.Perplexity / reference - 1) < Tolerance)
            .MinBy(candidate => candidate.Seconds)!;
        using var checkpoint = Checkpoint.Open(first.Folder);
        var written = ActivationChoices.Write(
            first.Folder, checkpoint, first.Options.Weights, first.Backend, ModelChoices.Activations.Parse(chosen.Name));
        return new TuneResult
        {
            Device = first.DeviceName,
            Rows = [.. candidates.Select(candidate => candidate.Row(reference))],
            Activations = chosen.Name,
            File = written,
        };
    }

    /// <summary>Whether some matrix of the model, and the device, takes activations so.</summary>
    private static bool Takes(LanguageModel model, ActivationFormat format) =>
        model.MatrixFormats.Any(weights => weights.Takes(format))
        && (format != ActivationFormat.BF16 || model.Backend.HostThreads is not null);

    private static void Report(CommandContext context, TuneResult result)
    {
        if (context.Output.Json)
        {
            context.Output.WriteJson(result, CliJson.Default.TuneResult);
            return;
        }
        context.Output.WriteLine($"{result.Device}: activations {result.Activations}");
        foreach (var row in result.Rows)
        {
            context.Output.WriteLine(
                $"{row.Activations}\tprefill {Quantity.Number(row.PrefillTokensPerS)} tokens/s\t"
                + $"decode {Quantity.Number(row.DecodeTokensPerS)} tokens/s\t"
                + $"perplexity {row.Perplexity:0.0000} ({100 * row.PerplexityChange:+0.000;-0.000;0.000} %)");
        }
        context.Output.Note($"coppice: --activations auto now takes {result.Activations} here ({result.File})");
    }

    private static string ShippedText()
    {
        var path = Path.Combine(ModelFolders.Shipped(), "held_out.txt");
        return File.Exists(path) ? path
            : throw new CommandException(
                "tune: a text is needed, and weights/tiny/held_out.txt was not found beside the program (use --text).");
    }

    /// <summary>A model with one format of activations, and what was measured of it.</summary>
    private sealed class Candidate(string name, LoadedModel loaded) : IDisposable
    {
        private readonly PrefillRow _prefill = new(loaded.Model, PromptTokens);
        private readonly DecodeRow _decode = new(loaded.Model, "decode", PromptTokens, NewTokens);

        public string Name => name;
        public LanguageModel Model => loaded.Model;
        public double Perplexity { get; private set; }
        /// <summary>Of a prompt and the tokens after it.</summary>
        public double Seconds => _prefill.Seconds + _decode.Seconds;

        public void Score(string text, string path, ProgressBar bar, CancellationToken cancellation)
        {
            var ids = ModelFolders.RequireTokenizer(Model).Encode(text);
            if (ids.Length < 2) throw new CommandException($"{TextFile.Label(path)}: must have at least two tokens, found {ids.Length}.");
            if (ids.Length > ScoredTokens) ids = ids[..ScoredTokens];
            var window = Math.Min(Math.Min(Window, ids.Length), Model.ContextLength);
            using var scorer = new Scorer(Model, window);
            var measured = new TextMeasurement(ids, window, Model.VocabularySize);
            measured.Run(scorer, null, bar, cancellation);
            Perplexity = measured.Result(new MemoryBytes(0, 0, 0, 0)).Perplexity;
        }

        public void Measure(bool counted, CancellationToken cancellation)
        {
            _prefill.Measure(counted, cancellation);
            _decode.Measure(counted, cancellation);
        }

        public TuneRow Row(double reference) => new()
        {
            Activations = name,
            PrefillTokensPerS = PromptTokens / _prefill.Seconds,
            DecodeTokensPerS = NewTokens / _decode.Seconds,
            Perplexity = Perplexity,
            PerplexityChange = Perplexity / reference - 1,
        };

        public void Dispose()
        {
            _prefill.Dispose();
            _decode.Dispose();
            loaded.Dispose();
        }
    }
}
