using System.Diagnostics;
using System.Globalization;
using System.Text;
using Coppice.Bench.Drafters;
using Coppice.Drafting;
using Coppice.Kernels;
using static Coppice.Bench.Percentiles;

namespace Coppice.Bench.Floor;

/// <summary>
/// What stands between a model and its host, measured: prefixes that were seen, a long prompt beside decoding, many requests at once,
/// drafting under load.
/// </summary>
internal static class FloorBench
{
    /// <summary>
    /// `floor --model DIR [--tiny DIR] [--prompts FILE] [--weights FORMAT] [--rounds N] [--only curve,prefix,prompt,load,once]`.
    /// </summary>
    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        var tiny = take("--tiny") ?? "weights/tiny";
        var prompts = take("--prompts");
        var rounds = int.Parse(take("--rounds") ?? "3", CultureInfo.InvariantCulture);
        var weights = Enum.Parse<WeightFormat>(take("--weights") ?? "AsStored", ignoreCase: true);
        var options = new ModelOptions
        {
            Device = "cpu",
            WeightFormat = weights,
            Activations = weights is WeightFormat.Q8 or WeightFormat.Q4 ? ActivationFormat.Int8 : ActivationFormat.F32,
            KvCache = new KvCacheOptions { Type = ElementType.F16 },
        };
        var only = take("--only")?.Split(',');
        bool Wants(string part) => only is null || only.Contains(part);
        using (var model = LanguageModel.Load(folder, options))
        {
            if (Wants("curve"))
            {
                var curve = PassCurve.Measure(model);
                Console.WriteLine($"t(M)/t(1), t(1) {curve[0].Milliseconds:f2} ms: "
                    + string.Join(" ", curve.Select(point => $"{point.Rows}:{point.Ratio:f2}")));
            }
            if (Wants("prefix")) SeenPrefix(model, rounds);
            if (Wants("prompt")) LongPrompt(model, rounds).GetAwaiter().GetResult();
            if (Wants("load") && prompts is not null) UnderLoad(model, prompts, rounds).GetAwaiter().GetResult();
        }
        if (!Wants("once")) return 0;
        using (var model = LanguageModel.Load(tiny, new ModelOptions { Device = "cpu" })) AtOnce(model, rounds).GetAwaiter().GetResult();
        return 0;
    }

    private static GenerationOptions Tokens(int count, DrafterOptions? drafter = null) =>
        new() { MaxTokens = count, IgnoreEos = true, Drafter = drafter ?? DrafterOptions.None };

    private static int[] Ids(LanguageModel model, int count, int seed) =>
        [.. Enumerable.Range(0, count).Select(i => (int)((i * 7919L + seed * 104729L + 12345) % model.VocabularySize))];

    /// <summary>Time to the first token of a request whose first 2,000 tokens another session has run, over that of the first.</summary>
    private static void SeenPrefix(LanguageModel model, int rounds)
    {
        List<double> first = [], again = [];
        for (var round = 0; round < rounds; round++)
        {
            var prefix = Ids(model, 2000, round + 1);
            first.Add(FirstToken(model, [.. prefix, 7, 8, 9]));
            again.Add(FirstToken(model, [.. prefix, 10, 11, 12]));
        }
        Console.WriteLine($"prefix of 2,000 tokens: first {Median(first):f1} ms, seen {Median(again):f1} ms, "
            + $"{100 * Median(again) / Median(first):f1} %");
    }

    private static double FirstToken(LanguageModel model, int[] prompt)
    {
        using var session = model.NewSession();
        foreach (var _ in session.Generate(prompt, Tokens(1))) { }
        return session.LastResult!.FirstTokenTime.TotalMilliseconds;
    }

    /// <summary>Times between the tokens of four sessions while a prompt of 4,000 tokens runs.</summary>
    private static async Task LongPrompt(LanguageModel model, int rounds)
    {
        List<double> gaps = [], plain = [];
        for (var round = 0; round < rounds; round++)
        {
            using var stop = new CancellationTokenSource();
            var sessions = Enumerable.Range(0, 4).Select(_ => model.NewSession()).ToArray();
            var long4000 = Ids(model, 4000, 50 + round);
            using var late = model.NewSession();
            var isLong = false;
            var readers = sessions.Select((session, i) => Task.Run(async () =>
            {
                var last = 0L;
                try
                {
                    await foreach (var _ in session.GenerateAsync(Ids(model, 64, 90 + i), Tokens(4000), stop.Token))
                    {
                        var now = Stopwatch.GetTimestamp();
                        if (last != 0)
                        {
                            lock (gaps)
                                (Volatile.Read(ref isLong) ? gaps : plain).Add(Stopwatch.GetElapsedTime(last, now).TotalMilliseconds);
                        }
                        last = now;
                    }
                }
                catch (OperationCanceledException) { }
            })).ToArray();
            await Task.Delay(1000);
            Volatile.Write(ref isLong, true);
            var start = Stopwatch.GetTimestamp();
            await foreach (var _ in late.GenerateAsync(long4000, Tokens(1))) { }
            var took = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            Volatile.Write(ref isLong, false);
            await stop.CancelAsync();
            await Task.WhenAll(readers);
            foreach (var session in sessions) session.Dispose();
            if (round == rounds - 1) Console.WriteLine($"a prompt of 4,000 tokens beside 4 sessions: its first token after {took:f0} ms");
        }
        Console.WriteLine($"between tokens: alone p50 {Percentile(plain, 50):f1} p99 {Percentile(plain, 99):f1} ms; beside the prompt p50 "
            + $"{Percentile(gaps, 50):f1} p99 {Percentile(gaps, 99):f1} ms");
    }

    /// <summary>48 requests at once: when the pool starts other work, and when first tokens come.</summary>
    private static async Task AtOnce(LanguageModel model, int rounds)
    {
        List<double> waits = [], spreads = [];
        for (var round = 0; round < rounds + 1; round++)
        {
            var sessions = Enumerable.Range(0, 48).Select(_ => model.NewSession(new SessionOptions { SharePrefixes = false })).ToArray();
            var prompt = Ids(model, 16, round);
            var start = Stopwatch.GetTimestamp();
            var firsts = new double[sessions.Length];
            var running = sessions.Select(async (session, i) =>
            {
                await foreach (var _ in session.GenerateAsync(prompt, Tokens(32)))
                {
                    if (firsts[i] == 0) firsts[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                }
            }).ToArray();
            var worst = 0.0;
            while (!running.All(task => task.IsCompleted))
            {
                var queued = Stopwatch.GetTimestamp();
                var ran = await Task.Run(() => Stopwatch.GetElapsedTime(queued).TotalMilliseconds);
                worst = Math.Max(worst, ran);
                Thread.Sleep(1);
            }
            await Task.WhenAll(running);
            foreach (var session in sessions) session.Dispose();
            if (round == 0) continue;       // code is compiled
            waits.Add(worst);
            spreads.Add(firsts.Max() / firsts.Min());
        }
        Console.WriteLine($"48 requests at once: other work of the pool waits at most {Median(waits):f1} ms, last first token over first "
            + $"{Median(spreads):f2}");
    }

    /// <summary>
    /// The requests of each class of prompts, some at a time, each followed by the next: new tokens per second with drafts over without, in
    /// turns. Sixteen at a time take those of all classes.
    /// </summary>
    private static async Task UnderLoad(LanguageModel model, string file, int rounds)
    {
        var prompts = PromptSet.Read(file, model.Tokenizer!);
        foreach (var lanes in (int[])[1, 4, 16])
        {
            var groups = lanes > 8 ? prompts.GroupBy(_ => "all").ToArray() : [.. prompts.GroupBy(prompt => prompt.Class)];
            var text = new StringBuilder($"drafts at {lanes} requests:");
            var ratios = new List<double>();
            foreach (var group in groups)
            {
                int[][] requests = [.. group.Select(prompt => prompt.Ids)];
                List<double> plain = [], drafted = [];
                for (var round = 0; round < rounds; round++)
                {
                    plain.Add(await Total(model, requests, lanes, DrafterOptions.None));
                    drafted.Add(await Total(model, requests, lanes, new AutoDrafterOptions()));
                }
                ratios.Add(Median(drafted) / Median(plain));
                text.Append(CultureInfo.InvariantCulture, $" {group.Key} {ratios[^1]:f2}");
            }
            Console.WriteLine($"{text}, mean {ratios.Average():f2}");
        }
    }

    /// <summary>New tokens per second of all requests, their prompts included in the time.</summary>
    private static async Task<double> Total(LanguageModel model, int[][] requests, int lanes, DrafterOptions drafter)
    {
        var scope = new CacheScope("a run");       // nothing is known of the run before
        var (next, tokens, steps, drafts, accepted) = (-1, 0, 0, 0, 0);
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(async _ =>
        {
            for (var i = Interlocked.Increment(ref next); i < requests.Length; i = Interlocked.Increment(ref next))
            {
                using var session = model.NewSession(new SessionOptions { Scope = scope, SharePrefixes = false });
                await foreach (var piece in session.GenerateAsync(requests[i], Tokens(NewTokens, drafter))) { }
                var result = session.LastResult!;
                Interlocked.Add(ref tokens, result.Ids.Count);
                Interlocked.Add(ref steps, result.Steps);
                Interlocked.Add(ref drafts, result.DraftedTokens);
                Interlocked.Add(ref accepted, result.AcceptedTokens);
            }
        }));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (Trace)
            Console.WriteLine($"  {drafter.GetType().Name}: {tokens} tokens in {seconds:f2} s, {steps} steps, drafted {drafts}, accepted "
                + $"{accepted}");
        return tokens / seconds;
    }

    private const int NewTokens = 192;
    private static readonly bool Trace = Environment.GetEnvironmentVariable("COPPICE_FLOOR_TRACE") is not null;
}
