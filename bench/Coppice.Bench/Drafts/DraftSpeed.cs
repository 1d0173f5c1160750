using System.Diagnostics;

namespace Coppice.Bench.Drafts;

/// <summary>Times of one method, count and context; the median of rounds in which all were run in turn.</summary>
/// <param name="Method">Which; "sequential" is one sampled text after the other.</param>
/// <param name="Count">Drafts.</param>
/// <param name="Context">Tokens of the prompt, whose keys and values are there.</param>
/// <param name="Milliseconds">Of ten tokens of all drafts.</param>
/// <param name="StepRatio">A step over a step of ordinary decoding, the median of the ratios of the same rounds.</param>
/// <param name="ForwardMilliseconds">Of it passes, for each step.</param>
/// <param name="LookupMicroseconds">N-grams, for each step.</param>
/// <param name="MergeMicroseconds">Choosing and moving, for each step.</param>
internal sealed record DraftSpeedRow(
    string Method, int Count, int Context, double Milliseconds, double StepRatio, double ForwardMilliseconds, double LookupMicroseconds,
    double MergeMicroseconds)
{
    /// <summary>Tokens of all drafts.</summary>
    public double TokensPerSecond => 1000.0 * Count * DraftMethods.Tokens / Milliseconds;
}

/// <summary>What n-grams take in the first drafts of a process, where code is compiled and pages of the file are mapped.</summary>
/// <param name="FirstMicroseconds">The first step.</param>
/// <param name="LaterMicroseconds">The mean of the nine after it.</param>
internal sealed record ColdLookup(double FirstMicroseconds, double LaterMicroseconds);

/// <summary>Measures times. Everything is run in turn, so that what else the machine does falls on all.</summary>
internal static class DraftSpeed
{
    public const string Sequential = "sequential", Plain = "one greedy text";

    /// <summary>Rows for every method and count after prompts of each length.</summary>
    /// <param name="model">The model.</param>
    /// <param name="text">What prompts are cut from, again from its beginning where it is shorter.</param>
    /// <param name="counts">Numbers of drafts.</param>
    /// <param name="contexts">Lengths of prompts.</param>
    /// <param name="rounds">How often everything is run.</param>
    /// <param name="ngrams">A store; null for none.</param>
    public static IEnumerable<DraftSpeedRow> Measure(
        LanguageModel model, int[] text, IReadOnlyList<int> counts, IReadOnlyList<int> contexts, int rounds, string? ngrams)
    {
        foreach (var context in contexts)
        {
            var prompt = Prompt(text, 0, context);
            using var session = model.NewSession();
            foreach (var _ in session.Generate(prompt, Text(0))) { }
            var runs = new Dictionary<(string Method, int Count), List<Sample>>();
            var plain = new List<double>();
            // The first round compiles code.
            for (var round = -1; round < rounds; round++)
            {
                var step = PlainStep(session, prompt, out var whole);
                if (round >= 0) plain.Add(whole);
                foreach (var count in counts)
                {
                    foreach (var method in DraftMethods.Timed(ngrams is not null))
                    {
                        var sample = Drafts(session, prompt, method.With(count, 1, ngrams), step);
                        if (round >= 0) Add(runs, (method.Name, count), sample);
                    }
                    var sequential = One(session, prompt, count);
                    var ratio = sequential / DraftMethods.Tokens / step;
                    if (round >= 0) Add(runs, (Sequential, count), new Sample(sequential, ratio, 0, 0, 0));
                    step = PlainStep(session, prompt, out _);
                }
            }
            yield return new DraftSpeedRow(Plain, 1, context, Percentiles.Median(plain), 1, 0, 0, 0);
            foreach (var ((method, count), samples) in runs)
            {
                double Middle(Func<Sample, double> of) => Percentiles.Median(samples.Select(of));
                yield return new DraftSpeedRow(
                    method, count, context, Middle(s => s.Milliseconds), Middle(s => s.Ratio), Middle(s => s.Forward),
                    Middle(s => s.Lookup), Middle(s => s.Merge));
            }
        }
    }

    /// <summary>
    /// First drafts after a new prompt over an ordinary first token after it: the median of the ratios of rounds, in which each comes first
    /// by turns. Every round has prompts of its own, so that nothing of them is there.
    /// </summary>
    public static double FirstRatio(LanguageModel model, int[] text, int count, int tokens, int rounds)
    {
        const int warmUp = 4;       // until the runtime has compiled both ways
        var ratios = new List<double>();
        for (var round = -warmUp; round < rounds; round++)
        {
            var start = 2 * (round + warmUp) * tokens;
            var isFirst = round % 2 == 0;
            var drafts = isFirst ? First(start) : TimeSpan.Zero;
            var plain = Ordinary(start + tokens);
            if (!isFirst) drafts = First(start);
            if (round >= 0) ratios.Add(drafts / plain);
        }
        return Percentiles.Median(ratios);

        TimeSpan First(int start)
        {
            using var session = model.NewSession();
            return DraftMethods.Run(session, Prompt(text, start, tokens), DraftMethods.All[0].With(count, 1, null)).Timing.FirstToken;
        }

        TimeSpan Ordinary(int start)
        {
            using var session = model.NewSession();
            foreach (var _ in session.Generate(Prompt(text, start, tokens), Text(0) with { MaxTokens = 1 })) { }
            return session.LastResult!.FirstTokenTime;
        }
    }

    /// <summary>What n-grams take in the first drafts with them, which must be the first of the process.</summary>
    public static ColdLookup Cold(LanguageModel model, int[] text, string ngrams)
    {
        using var session = model.NewSession();
        var steps = DraftMethods.Steps(session, Prompt(text, 0, 15), DraftMethods.NGrams.With(3, 1, ngrams));
        var first = steps[0].Timing.Lookup.TotalMicroseconds;
        return new ColdLookup(first, (steps[^1].Timing.Lookup.TotalMicroseconds - first) / (steps.Count - 1));
    }

    private static int[] Prompt(int[] text, int start, int length) =>
        [.. Enumerable.Range(0, length).Select(i => text[(start + i) % text.Length])];

    private static GenerationOptions Text(ulong seed, bool sampled = false) =>
        new() { MaxTokens = DraftMethods.Tokens, IgnoreEos = true, Temperature = sampled ? .6f : 0, TopP = sampled ? .9f : 1, Seed = seed };

    /// <summary>Milliseconds of a step of ordinary decoding, the first, which is part of the prompt's pass, left out.</summary>
    private static double PlainStep(Session session, int[] prompt, out double whole)
    {
        var start = Stopwatch.GetTimestamp();
        foreach (var _ in session.Generate(prompt, Text(0))) { }
        whole = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        return (whole - session.LastResult!.FirstTokenTime.TotalMilliseconds) / (DraftMethods.Tokens - 1);
    }

    private static double One(Session session, int[] prompt, int count)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
        {
            foreach (var _ in session.Generate(prompt, Text((ulong)i, sampled: true))) { }
        }
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static Sample Drafts(Session session, int[] prompt, DraftsOptions options, double step)
    {
        var start = Stopwatch.GetTimestamp();
        var timing = DraftMethods.Run(session, prompt, options).Timing;
        var whole = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        var later = timing.Steps - 1;
        return new Sample(
            whole, (timing.Total - timing.FirstToken).TotalMilliseconds / later / step, timing.Forward.TotalMilliseconds / later,
            timing.Lookup.TotalMicroseconds / timing.Steps, timing.Merge.TotalMicroseconds / timing.Steps);
    }

    private static void Add(Dictionary<(string, int), List<Sample>> runs, (string, int) key, Sample sample)
    {
        if (!runs.TryGetValue(key, out var list)) runs.Add(key, list = []);
        list.Add(sample);
    }

    private readonly record struct Sample(double Milliseconds, double Ratio, double Forward, double Lookup, double Merge);
}
