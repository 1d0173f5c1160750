using System.Diagnostics;
using System.Globalization;
using System.Text;
using Coppice.Drafting;
using static Coppice.Bench.Percentiles;

namespace Coppice.Bench.Strategies;

/// <summary>What a token costs under every strategy, beside plain decoding of the same prompt in the same round.</summary>
internal static class StrategyBench
{
    private const string Prompt = "A library of a small town had a book that nobody had ever taken out. One day";

    /// <summary>`strategies --model DIR [--small DIR] [--tokens N] [--rounds N] [--shared-tokens 0]`.</summary>
    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        var small = take("--small") ?? folder;
        var tokens = int.Parse(take("--tokens") ?? "48", CultureInfo.InvariantCulture);
        var rounds = int.Parse(take("--rounds") ?? "3", CultureInfo.InvariantCulture);
        (string Name, float Temperature, string? Strategy)[] all =
        [
            ("plain, greedy", 0, null), ("plain, T 1", 1, null), ("stepped, T 1", 1, "blockwise:k=1"),
            ("mirostat", 1, "mirostat"), ("beam of 4", 0, "beam:beams=4"), ("best of 4", 1, "best-of:n=4"),
            ("blockwise, 4 of 16", 1, "blockwise:k=4,block=16"), ("contrast, negative prompt", 1, "contrast:alpha=1,negative=One day"),
            ("contrast, second model", 1, $"contrast:alpha=1,model={small}"), ("switch, never", 1, $"switch:model={small},tau=1000"),
            ("switch, tau 2", 1, $"switch:model={small},tau=2"), ("value-guide, weight 0", 1, "value-guide:weight=0"),
            ("value-guide, 4 prefixes", 1, "value-guide:k=4"), ("value-guide, 4 by 8 ahead", 1, "value-guide:k=4,horizon=8"),
            ("planning, 8 evaluations", 0, "planning:evaluations=8"),
        ];
        var table = new StringBuilder();
        table.AppendLine("# What a token costs under every strategy").AppendLine();
        table.AppendLine(CultureInfo.InvariantCulture,
            $"{Path.GetFileName(folder.TrimEnd('/'))}, {tokens} tokens after a prompt of a sentence, median of {rounds} rounds. "
            + $"\"Alone\" is without pages that sequences share.").AppendLine();
        table.AppendLine("| strategy | ms a token | over plain | ms a token, alone | over plain |").AppendLine("|---|--:|--:|--:|--:|");
        var (shared, alone) = (Times(folder, null, all, tokens, rounds), Times(folder, 0, all, tokens, rounds));
        for (var i = 0; i < all.Length; i++)
        {
            var plain = all[i].Temperature == 0 ? 0 : 1;
            table.AppendLine(CultureInfo.InvariantCulture,
                $"| {all[i].Name} | {shared[i]:f2} | {shared[i] / shared[plain]:f2} | {alone[i]:f2} | {alone[i] / alone[plain]:f2} |");
        }
        Console.Write(table);
        if (BenchResults.Folder() is { } results) File.WriteAllText(Path.Combine(results, "strategies.md"), table.ToString());
        return 0;
    }

    private static double[] Times(
        string folder, long? sharedTokens, (string Name, float Temperature, string? Strategy)[] all, int tokens, int rounds)
    {
        var cache = new KvCacheOptions { Type = Kernels.ElementType.F16 };
        if (sharedTokens is { } given) cache = cache with { SharedTokens = (int)given };
        using var model = LanguageModel.Load(folder, new ModelOptions { Device = "cpu", ContextLength = 1024, KvCache = cache });
        var prompt = model.Tokenizer!.Encode(Prompt);
        var times = all.Select(_ => new List<double>()).ToArray();
        for (var round = -1; round < rounds; round++)
        {
            for (var i = 0; i < all.Length; i++)
            {
                using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
                var options = new GenerationOptions
                {
                    MaxTokens = tokens,
                    Temperature = all[i].Temperature,
                    Seed = (ulong)(round + 1),
                    IgnoreEos = true,
                    Drafter = DrafterOptions.None,
                    Strategy = all[i].Strategy is { } strategy ? StrategyOptions.Parse(strategy) : null,
                };
                var start = Stopwatch.GetTimestamp();
                var count = session.Generate(prompt, options).Count();
                if (round >= 0) times[i].Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds / count);
            }
        }
        return [.. times.Select(Median)];
    }
}
