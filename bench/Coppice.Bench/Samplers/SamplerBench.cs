using System.Diagnostics;
using System.Globalization;
using System.Text;
using static Coppice.Bench.Percentiles;

namespace Coppice.Bench.Samplers;

/// <summary>What a choice from a whole row of a model's logits costs, by the chain of samplers.</summary>
internal static class SamplerBench
{
    private const int Rows = 64, History = 512;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(.5);      // until code is compiled for the last time

    private static readonly (string Name, GenerationOptions Options)[] Chains =
    [
        ("greedy", new()),
        ("T .6", new() { Temperature = .6f }),
        ("T .6, top-k 40", new() { Temperature = .6f, TopK = 40 }),
        ("T .6, top-p .9", new() { Temperature = .6f, TopP = .9f }),
        ("T 1, top-p .95", new() { Temperature = 1, TopP = .95f }),
        ("T 1.5, top-p .95", new() { Temperature = 1.5f, TopP = .95f }),
        ("T 3, top-p .95", new() { Temperature = 3, TopP = .95f }),
        ("T .8, min-p .05", new() { Temperature = .8f, MinP = .05f }),
        ("T 1, typical .9", new() { Temperature = 1, TypicalP = .9f }),
        ("T 1, epsilon 3e-4", new() { Temperature = 1, EpsilonCutoff = 3e-4f }),
        ("T 1, eta 3e-4", new() { Temperature = 1, EtaCutoff = 3e-4f }),
        ("T 1, p-less", new() { Temperature = 1, PLess = true }),
        ("T 1, top-n-sigma 1", new() { Temperature = 1, TopNSigma = 1 }),
        ("T 1, xtc .5/.1", new() { Temperature = 1, XtcProbability = .5f, XtcThreshold = .1f }),
        ("dynamic T .8 ± .4", new() { Temperature = .8f, DynamicTemperatureRange = .4f }),
        ("T .8, penalties over all, top-k 40", new() { Temperature = .8f, RepetitionPenalty = 1.1f, FrequencyPenalty = .1f, TopK = 40 }),
        ("T .8, DRY, top-k 40, top-p .95", new() { Temperature = .8f, DryMultiplier = .8f, TopK = 40, TopP = .95f }),
        ("LlamaCpp: top-k 40, typical .9, top-p .95, min-p .05, T .8",
            new() { Temperature = .8f, TopK = 40, TypicalP = .9f, TopP = .95f, MinP = .05f, SamplerOrder = SamplerOrder.LlamaCpp }),
        ("Vllm: penalties, T .8, min-p .05, top-k 40, top-p .95",
            new() { Temperature = .8f, RepetitionPenalty = 1.1f, MinP = .05f, TopK = 40, TopP = .95f, SamplerOrder = SamplerOrder.Vllm }),
        ("mirostat 1", new() { Temperature = 1, Strategy = new MirostatOptions { Version = 1 } }),
        ("mirostat 2", new() { Temperature = 1, Strategy = new MirostatOptions { Version = 2 } }),
        ("everything that needs the whole row", new()
        {
            Temperature = 1, RepetitionPenalty = 1.1f, FrequencyPenalty = .1f, DryMultiplier = .8f, TypicalP = .95f, TopP = .95f,
            MinP = .01f, PLess = true, EpsilonCutoff = 1e-4f, EtaCutoff = 1e-4f, XtcProbability = .5f, TopNSigma = 3,
        }),
    ];

    /// <summary>`samplers --model DIR [--text FILE] [--rounds N]`.</summary>
    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        var rounds = int.Parse(take("--rounds") ?? "30", CultureInfo.InvariantCulture);
        var only = take("--only");
        var file = take("--text") ?? Path.Combine(BenchResults.Repository() ?? ".", "README.md");
        using var model = LanguageModel.Load(folder, new ModelOptions { Device = "cpu", ContextLength = 2048 });
        var rows = new List<float[]>();
        int[] ids = [.. model.Tokenizer!.Encode(File.ReadAllText(file)).Take(History)];
        using (var scorer = new Scorer(model))
        {
            scorer.Logits(ids, (_, block) =>
            {
                for (var at = 0; at < block.Length; at += model.VocabularySize) rows.Add(block.Slice(at, model.VocabularySize).ToArray());
            });
        }
        rows = [.. rows.Where((_, i) => i % (rows.Count / Rows) == 0).Take(Rows)];
        var table = new StringBuilder();
        table.AppendLine(CultureInfo.InvariantCulture,
            $"# A choice from a row of {model.VocabularySize:N0} logits").AppendLine();
        table.AppendLine("| chain | largest logits, us | whole row, us | p99 | bytes |").AppendLine("|---|--:|--:|--:|--:|");
        foreach (var (name, options) in Chains)
        {
            if (only is not null && !name.Contains(only, StringComparison.Ordinal)) continue;
            var sampler = options.CreateSampler(0, []);
            var (whole, bytes) = Measure(rows, rounds, row => sampler.Choose(ids, row));
            var few = sampler.Candidates > 0 ? Few(rows, rounds, ids, sampler) : double.NaN;
            table.AppendLine(CultureInfo.InvariantCulture,
                $"| {name} | {(double.IsNaN(few) ? "" : few.ToString("f1", CultureInfo.InvariantCulture))} | {Median(whole):f1} "
                + $"| {Percentile(whole, 99):f1} | {bytes:f0} |");
        }
        Console.Write(table);
        if (only is null && BenchResults.Folder() is { } results) File.WriteAllText(Path.Combine(results, "samplers.md"), table.ToString());
        return 0;
    }

    /// <summary>Microseconds of each row in each round but the first ones, and the bytes that a call allocates.</summary>
    private static (List<double> Times, double Bytes) Measure(List<float[]> rows, int rounds, Func<float[], int> choose)
    {
        var times = new List<double>();
        var (scratch, bytes) = (new float[rows[0].Length], 0L);
        var began = Stopwatch.GetTimestamp();
        for (var round = -1; round < rounds; round++)
        {
            if (round == 0 && Stopwatch.GetElapsedTime(began) < WarmUp) round = -1;
            foreach (var row in rows)
            {
                row.CopyTo(scratch, 0);
                var (before, start) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp());
                choose(scratch);
                var took = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
                if (round < 0) continue;
                bytes += GC.GetAllocatedBytesForCurrentThread() - before;
                times.Add(took);
            }
        }
        return (times, (double)bytes / (rounds * rows.Count));
    }

    private static double Few(List<float[]> rows, int rounds, int[] ids, Decoding.Sampling.Sampler sampler)
    {
        var times = new List<double>();
        var best = rows.Select(row => Enumerable.Range(0, row.Length).OrderByDescending(id => row[id]).ThenBy(id => id)
            .Take(sampler.Candidates).ToArray()).ToArray();
        var largest = rows.Select((row, i) => best[i].Select(id => row[id]).ToArray()).ToArray();
        var began = Stopwatch.GetTimestamp();
        for (var round = -1; round < rounds; round++)
        {
            if (round == 0 && Stopwatch.GetElapsedTime(began) < WarmUp) round = -1;
            for (var i = 0; i < rows.Count; i++)
            {
                var start = Stopwatch.GetTimestamp();
                sampler.Choose(ids, best[i], largest[i]);
                if (round >= 0) times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
        }
        return Median(times);
    }
}
