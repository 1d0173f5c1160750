using Coppice.Drafting;

namespace Coppice.Bench.Drafters;

/// <summary>One drafter on one kind of text, from a cold or a warm start.</summary>
internal sealed record DrafterRow(
    string Drafter, string Start, string Class, int Prompts, double TokensPerStep, double NodesPerStep, IReadOnlyList<double> AcceptanceByDepth,
    double DraftMs, double VerifyMs, double HostMs, double TokensPerSecond, double PlainTokensPerSecond, double Ratio);

/// <summary>Measures drafters on recorded prompts: plain, cold, warm and plain again directly after each other, so that a slow moment touches all of them.</summary>
/// <param name="model">The model.</param>
/// <param name="recorded">What warm drafters have seen, except the text itself.</param>
/// <param name="repeats">How often each text is measured.</param>
internal sealed class DrafterRun(LanguageModel model, IReadOnlyList<RecordedText> recorded, int repeats)
{
    private readonly record struct Measured(GenerationResult Result, TimeSpan Plain);

    /// <summary>Rows of every drafter for every class. Cold drafters know nothing, warm ones have seen every other recorded text. Drafters take turns on each text.</summary>
    public IReadOnlyList<DrafterRow> Measure(IReadOnlyList<string> drafters, IReadOnlyList<RecordedText> texts)
    {
        using var session = model.NewSession();
        var options = drafters.Select(DrafterOptions.Parse).ToArray();
        foreach (var each in options) Generate(session, texts[0], each);        // gets code compiled, and first times of passes
        var rows = new List<DrafterRow>();
        foreach (var kind in texts.GroupBy(text => text.Class))
        {
            var runs = drafters.Select(_ => (Cold: new List<Measured>(), Warm: new List<Measured>())).ToArray();
            foreach (var text in kind.SelectMany(text => Enumerable.Repeat(text, repeats)))
            {
                for (var i = 0; i < options.Length; i++)
                {
                    var (cold, warm) = Measure(session, text, options[i]);
                    runs[i].Cold.Add(cold);
                    runs[i].Warm.Add(warm);
                }
            }
            for (var i = 0; i < options.Length; i++)
            {
                rows.Add(Row(drafters[i], "cold", kind.Key, runs[i].Cold));
                rows.Add(Row(drafters[i], "warm", kind.Key, runs[i].Warm));
                foreach (var row in rows.TakeLast(2))
                    Console.WriteLine($"{row.Drafter} {row.Start} {row.Class}: {row.TokensPerStep:0.00} a step, {row.NodesPerStep:0.0} nodes, {row.TokensPerSecond:0} tok/s, plain {row.PlainTokensPerSecond:0}, {row.Ratio:0.00}x");
            }
        }
        return rows;
    }

    private (Measured Cold, Measured Warm) Measure(Session session, RecordedText text, DrafterOptions options)
    {
        using var fresh = options.Create(model.DraftContext.In(new CacheScope("cold")));      // other runs' tables are not cold
        using var taught = Replay.Create(options, model, recorded.Where(other => other != text), model.Runner.Costs);
        var before = Generate(session, text, DrafterOptions.None);
        var (cold, warm) = (Generate(session, text, options, fresh), Generate(session, text, options, taught));
        var plain = (before.DecodeTime + Generate(session, text, DrafterOptions.None).DecodeTime) / 2;
        return (new Measured(cold, plain), new Measured(warm, plain));
    }

    private static GenerationResult Generate(Session session, RecordedText text, DrafterOptions options, Drafter drafter)
    {
        session.Drafter = drafter;
        var result = Generate(session, text, options);
        session.Drafter = null;
        return result;
    }

    private static GenerationResult Generate(Session session, RecordedText text, DrafterOptions options)
    {
        session.Reset();
        var expected = text.Ids.AsSpan(text.PromptLength);
        var asked = new GenerationOptions { MaxTokens = Math.Max(expected.Length, 1), Drafter = options };
        int[] ids = [.. session.Generate(text.Ids[..text.PromptLength], asked).Select(piece => piece.TokenId)];
        if (!expected.SequenceEqual(ids)) throw new InvalidOperationException($"{options.Name}, {text.Id}: the tokens must be those of plain decoding.");
        return session.LastResult!;
    }

    private DrafterRow Row(string drafter, string start, string kind, IReadOnlyList<Measured> runs)
    {
        var results = runs.Select(run => run.Result).ToArray();
        var depths = results.Max(result => result.AcceptanceByDepth.Count);
        var byDepth = Enumerable.Range(0, Math.Min(depths, 8)).Select(depth => results.Where(r => r.AcceptanceByDepth.Count > depth).Average(r => r.AcceptanceByDepth[depth]));
        var (steps, tokens) = (results.Sum(r => r.Steps), results.Sum(r => r.Ids.Count));
        return new DrafterRow(
            drafter, start, kind, runs.Count / repeats, (double)tokens / steps, 1 + (double)results.Sum(r => r.DraftedTokens) / steps, [.. byDepth.Select(rate => Math.Round(rate, 3))],
            results.Sum(r => r.DraftTime.TotalMilliseconds), results.Sum(r => r.VerifyTime.TotalMilliseconds), results.Sum(r => r.HostTime.TotalMilliseconds),
            (tokens - runs.Count) / results.Sum(r => r.DecodeTime.TotalSeconds), (tokens - runs.Count) / runs.Sum(run => run.Plain.TotalSeconds),
            runs.Average(run => run.Plain / run.Result.DecodeTime));
    }
}
