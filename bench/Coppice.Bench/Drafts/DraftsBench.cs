using System.Globalization;
using System.Text;
using System.Text.Json;
using Coppice.Kernels;

namespace Coppice.Bench.Drafts;

/// <summary>What was measured with one model.</summary>
internal sealed record DraftsModelResults(
    string Model, string Weights, double FirstRatio, ColdLookup? Cold, string Prompts, IReadOnlyList<DraftSpeedRow> Speed,
    IReadOnlyList<DraftQualityRow> Quality)
{
    /// <summary>What settings of n-grams change.</summary>
    public IReadOnlyList<NGramTrials> Trials { get; init; } = [];
}

/// <summary>Several continuations of a prompt by every method: what they take and what they are worth.</summary>
internal static class DraftsBench
{
    private const string JsonName = "drafts.json", AutoFile = "src/Coppice/Decoding/Strategies/auto-drafts.json";
    /// <summary>The count for which sampled drafts are made with all seeds; those of others have fewer.</summary>
    private const int MainCount = 3, OtherSeeds = 2;
    private const int FirstRounds = 20;
    /// <summary>A method is as good as the best where its mean perplexity is at most this times that.</summary>
    private const double AsGood = 1.1;

    private static readonly JsonSerializerOptions Json =
        new() { WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>
    /// `drafts --model DIR --texts A,B [--judge DIR] [--ngrams FILE] [--weights FORMAT] [--counts 1,2,3] [--judged 1,3,10]
    /// [--contexts 64,2048] [--rounds N] [--prompts N] [--stride TOKENS] [--seeds N] [--part first|speed|quality|ngrams] [--only
    /// METHOD]`. For the part ngrams --ngrams names one store or several; --only measures the quality of one method anew.
    /// </summary>
    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        var texts = take("--texts")?.Split(',') ?? throw new ArgumentException("--texts: files that prompts are cut from must be named.");
        var weights = Enum.Parse<WeightFormat>(take("--weights") ?? "AsStored", ignoreCase: true);
        var (counts, judged) = (Numbers(take("--counts") ?? "1,2,3,4,5,8,10"), Numbers(take("--judged") ?? "1,2,3,5,10"));
        var contexts = Numbers(take("--contexts") ?? "64,2048");
        var (rounds, prompts, seeds) = (Number(take("--rounds") ?? "5"), Number(take("--prompts") ?? "24"), Number(take("--seeds") ?? "8"));
        var (judgeFolder, ngrams, part, only) = (take("--judge"), take("--ngrams"), take("--part"), take("--only"));
        var methods = only is null ? null : DraftMethods.All.Where(method => method.Name == only).ToArray();
        if (methods is []) throw new ArgumentException($"--only: must be a method of the tables, found {only}.");
        using var model = Load(folder, weights);
        var stride = Number(take("--stride") ?? "60");
        if (part == "ngrams")
        {
            var stores = ngrams?.Split(',') ?? [Path.Combine(folder, "ngrams.bin")];
            Keep(new DraftsModelResults(Name(folder), weights.ToString(), 0, null, "", [], [])
            {
                Trials = [NGramTrials.Run(model, texts, stores, prompts, stride)],
            });
            return 0;
        }
        using var judge = judgeFolder is null ? null : Load(judgeFolder, WeightFormat.AsStored);
        ngrams ??= File.Exists(Path.Combine(folder, "ngrams.bin")) ? Path.Combine(folder, "ngrams.bin") : null;
        int[] text = [.. DraftQuality.Documents(model, texts).SelectMany(ids => ids).Take(1 << 16)];
        var cold = ngrams is null || only is not null ? null : DraftSpeed.Cold(model, text, ngrams);
        int[] fitting = [.. contexts.Where(context => context + DraftMethods.Tokens < model.ContextLength)];
        var first = Wants("first") || Wants("speed") ? DraftSpeed.FirstRatio(model, text, MainCount, 64, FirstRounds) : 0;
        DraftSpeedRow[] speed = Wants("speed") ? [.. DraftSpeed.Measure(model, text, counts, fitting, rounds, ngrams)] : [];
        var chosen = DraftQuality.Prompts(model, texts, prompts, stride);
        DraftQualityRow[] quality = !Wants("quality") ? [] :
        [
            .. judged.SelectMany(count =>
                DraftQuality.Measure(
                    model, judge, chosen, count, count == MainCount ? seeds : Math.Min(seeds, OtherSeeds), ngrams, methods)),
        ];
        var name = Name(folder);
        var about = string.Create(CultureInfo.InvariantCulture, $"{chosen.Count} prompts of 15 tokens from ")
            + $"{string.Join(", ", texts.Select(Path.GetFileName))}; sampled drafts with {seeds} seeds at k = {MainCount}, "
            + $"{Math.Min(seeds, OtherSeeds)} else; judge {Name(judgeFolder ?? folder)}";
        Keep(new DraftsModelResults(name, weights.ToString(), first, cold, about, speed, quality));
        return 0;

        bool Wants(string name) => only is null ? part is null || part == name : name == "quality";
    }

    /// <summary>`drafts auto --model NAME`: writes the table of <see cref="DraftsMethod.Auto"/> from what was kept of a model.</summary>
    public static int WriteAuto(Func<string, string?> take)
    {
        var name = take("--model") ?? throw new ArgumentException("--model: the name of a model in drafts.json must be given.");
        var (folder, repository) = (BenchResults.Folder(), BenchResults.Repository());
        if (folder is null || repository is null) throw new InvalidOperationException("drafts: must run in the repository.");
        var results = Kept(folder).Find(other => other.Model == name && other is { Speed.Count: > 0, Quality.Count: > 0 })
            ?? throw new ArgumentException($"--model: drafts.json must have times and qualities of it, found none of {name}.");
        var rows = results.Quality.Select(row => row.Count).Distinct().Order()
            .Select(count => new { count, method = Choose(results, count).ToString().ToLowerInvariant() });
        var source = $"bench/results/{Path.GetFileName(folder)}/{JsonName}: {results.Model}, {results.Weights}";
        File.WriteAllText(Path.Combine(repository, AutoFile), JsonSerializer.Serialize(new { source, rows }, Json) + "\n");
        return 0;
    }

    /// <summary>The cheapest method whose mean perplexity is nearly that of the best.</summary>
    internal static DraftsMethod Choose(DraftsModelResults results, int count)
    {
        var context = results.Speed.Min(row => row.Context);
        var all = DraftMethods.All.Where(method => method.IsDefault).Select(method => (
            method.Method,
            results.Speed.Single(row => (row.Method, row.Count, row.Context) == (method.Name, count, context)).Milliseconds,
            results.Quality.Single(row => (row.Method, row.Count) == (method.Name, count)).Mean)).ToArray();
        var best = all.Min(method => method.Mean);
        return all.Where(method => method.Mean <= AsGood * best).MinBy(method => method.Milliseconds).Method;
    }

    private static string Name(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));

    private static LanguageModel Load(string folder, WeightFormat weights) => LanguageModel.Load(folder, new ModelOptions
    {
        Device = "cpu",
        WeightFormat = weights,
        Activations = weights is WeightFormat.Q8 or WeightFormat.Q4 ? ActivationFormat.Int8 : ActivationFormat.F32,
        KvCache = new KvCacheOptions { Type = ElementType.F16 },
    });

    private static List<DraftsModelResults> Kept(string folder)
    {
        var path = Path.Combine(folder, JsonName);
        return File.Exists(path) ? JsonSerializer.Deserialize<List<DraftsModelResults>>(File.ReadAllText(path), Json)! : [];
    }

    /// <summary>
    /// Prints the tables and puts them in place of those of the same model and weights; parts that were not measured stay.
    /// </summary>
    private static void Keep(DraftsModelResults results)
    {
        var folder = BenchResults.Folder();
        var all = folder is null ? [] : Kept(folder);
        if (all.Find(other => (other.Model, other.Weights) == (results.Model, results.Weights)) is { } before)
        {
            all.Remove(before);
            if (results.Speed.Count == 0) results = results with { Speed = before.Speed };
            if (results.FirstRatio == 0) results = results with { FirstRatio = before.FirstRatio };
            if (results.Quality.Count == 0) results = results with { Quality = before.Quality, Prompts = before.Prompts };
            else if (results.Prompts == before.Prompts) results = results with { Quality = [.. Merged(before.Quality, results.Quality)] };
            var trials = before.Trials.Where(other => !results.Trials.Any(anew => anew.Prompts == other.Prompts));
            results = results with { Cold = results.Cold ?? before.Cold, Trials = [.. trials, .. results.Trials] };
        }
        all.Add(results);
        Console.WriteLine(Markdown([results]));
        if (folder is null) return;
        File.WriteAllText(Path.Combine(folder, JsonName), JsonSerializer.Serialize(all, Json) + "\n");
        File.WriteAllText(Path.Combine(folder, "drafts.md"), Markdown(all));
        foreach (var model in all.Where(model => model is { Speed.Count: > 0, Quality.Count: > 0 }))
            File.WriteAllText(Path.Combine(folder, $"drafts-{model.Model}.svg"), DraftsPlot.Draw(model));
    }

    /// <summary>The rows before, those that were measured anew in their places.</summary>
    private static IEnumerable<DraftQualityRow> Merged(IReadOnlyList<DraftQualityRow> before, IReadOnlyList<DraftQualityRow> anew)
    {
        var rows = before.Select(row => anew.FirstOrDefault(other => (other.Method, other.Count) == (row.Method, row.Count)) ?? row);
        return rows.Concat(anew.Where(row => !before.Any(other => (other.Method, other.Count) == (row.Method, row.Count))));
    }

    private static string Markdown(IEnumerable<DraftsModelResults> all)
    {
        var text = new StringBuilder("# Several continuations of one prompt\n\n");
        text.Append("Written by `coppice-bench drafts`. Drafts of ten tokens; all methods in turn in one process, medians.\n");
        foreach (var results in all)
        {
            Line(text, $"\n## {results.Model}, {results.Weights}");
            if (results.FirstRatio > 0)
            {
                Line(text, $"\nThe first three drafts of a new prompt of 64 tokens take {results.FirstRatio:f2} times");
                text.Append("as long as an ordinary first token.\n");
            }
            if (results.Speed.Count > 0) Speed(text, results);
            if (results.Quality.Count > 0) Quality(text, results);
            foreach (var trials in results.Trials) trials.Append(text);
        }
        return text.ToString();
    }

    private static void Speed(StringBuilder text, DraftsModelResults results)
    {
        if (results.Cold is { } cold)
        {
            Line(text, $"In the first drafts of the process n-grams take {cold.FirstMicroseconds:f0} µs in the first step,");
            Line(text, $"{cold.LaterMicroseconds:f0} µs in each of the next nine.");
        }
        text.Append("\n| method | k | context | ms for ten tokens of all | tokens/s of all | step over an ordinary step | pass, ms a step ");
        text.Append("| n-grams, µs a step | choosing, µs a step |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
        foreach (var row in results.Speed.OrderBy(row => row.Context).ThenBy(row => row.Count))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.Method} | {row.Count} | {row.Context} | {row.Milliseconds:f1} ");
            text.Append(CultureInfo.InvariantCulture, $"| {row.TokensPerSecond:f0} | {row.StepRatio:f2} | {row.ForwardMilliseconds:f2} ");
            Line(text, $"| {row.LookupMicroseconds:f0} | {row.MergeMicroseconds:f0} |");
        }
    }

    private static void Quality(StringBuilder text, DraftsModelResults results)
    {
        Line(text, $"\n{results.Prompts}. Perplexities; P@k: the true next token is among the first ones.\n");
        text.Append("| method | k | best | first | mean | P@k | true tokens | self-BLEU | first tokens | all different |\n");
        text.Append("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
        foreach (var row in results.Quality)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.Method} | {row.Count} | {row.Best:f2} | {row.First:f2} | {row.Mean:f2} ");
            text.Append(CultureInfo.InvariantCulture, $"| {100 * row.Hits:f0} % | {row.Leading:f2} | {row.SelfBleu:f2} ");
            Line(text, $"| {row.FirstTokens:f2} | {100 * row.AllDistinct:f0} % |");
        }
    }

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static int[] Numbers(string text) => [.. text.Split(',').Select(Number)];
}
