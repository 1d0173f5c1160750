using System.Globalization;
using System.Text;

namespace Coppice.Bench.Drafts;

/// <summary>Settings of n-grams beside the same drafts without them, on as many prompts as the texts give.</summary>
/// <param name="Prompts">What was measured.</param>
/// <param name="Rows">A row for each setting.</param>
internal sealed record NGramTrials(string Prompts, IReadOnlyList<DraftQualityRow> Rows)
{
    private const int Count = 3;

    /// <summary>Prompts from which on only the rows that decide are measured.</summary>
    private const int Many = 1000;

    /// <summary>What decides: with and without n-grams, as published and by default.</summary>
    private static IEnumerable<DraftMethod> Deciding(IReadOnlyList<string> stores)
    {
        foreach (var temperature in (double[])[.06, .5]) yield return Method("the model alone", null, temperature);
        yield return Weighted(stores[^1], .06, .54);
        foreach (var store in stores) yield return Weighted(store, .5, .34);
    }

    /// <summary>What is tried: the model alone and with each store, at several temperatures, weights, candidates and first steps.</summary>
    /// <param name="stores">Files, the largest last.</param>
    private static IEnumerable<DraftMethod> Methods(IReadOnlyList<string> stores)
    {
        foreach (var temperature in (double[])[.06, .5, 1])
        {
            yield return Method("the model alone", null, temperature);
            foreach (var store in stores)
            {
                foreach (var weight in (double[])[.34, .54]) yield return Weighted(store, temperature, weight);
            }
        }
        foreach (var store in stores)
        {
            yield return Method("alpha 0.1", store, .06, change: options => options with { NGramWeight = .1 });
            yield return Method("alpha 0.54, not in the first step", store, .06,
                change: options => options with { FirstStepNGrams = false });
            yield return Method("alpha 0.54, 30 candidates", store, .06, change: options => options with { Candidates = 30 });
        }
        foreach (var temperature in (double[])[.06, 1])
        {
            yield return Method("the model alone", null, temperature, diverse: true);
            foreach (var weight in (double[])[.2, .54]) yield return Weighted(stores[^1], temperature, weight, diverse: true);
        }
    }

    /// <summary>Runs all.</summary>
    public static NGramTrials Run(LanguageModel model, IReadOnlyList<string> texts, string[] stores, int prompts, int stride)
    {
        var chosen = DraftQuality.Prompts(model, texts, prompts, stride);
        var rows = new List<DraftQualityRow>();
        foreach (var method in chosen.Count >= Many ? Deciding(stores) : Methods(stores))
        {
            rows.AddRange(DraftQuality.Measure(model, null, chosen, Count, seeds: 1, ngrams: null, [method]));
            Console.Error.WriteLine($"{rows[^1].Method}: mean {rows[^1].Mean:f2}, P@3 {100 * rows[^1].Hits:f1} %");
        }
        return new NGramTrials($"{chosen.Count} prompts of 15 tokens from {string.Join(", ", texts.Select(Path.GetFileName))}", rows);
    }

    /// <summary>Appends the table.</summary>
    public void Append(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"\nWhat n-grams change, k = {Count}, {Prompts}; P@1 is of the best draft. ");
        text.Append("Rows have the same prompts, so that their differences are less uncertain than the shares are.\n\n");
        text.Append("| drafts | n-grams | tau | best | first | mean | P@1 | P@3 | true tokens | first tokens |\n");
        text.Append("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
        foreach (var row in Rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.Method} | {row.Best:f2} | {row.First:f2} | {row.Mean:f2} ");
            text.Append(CultureInfo.InvariantCulture, $"| {100 * row.FirstHits:f1} % | {100 * row.Hits:f1} % | {row.Leading:f2} ");
            text.Append(CultureInfo.InvariantCulture, $"| {row.FirstTokens:f2} |\n");
        }
    }

    private static DraftMethod Weighted(string store, double temperature, double weight, bool diverse = false) =>
        Method(string.Create(CultureInfo.InvariantCulture, $"alpha {weight}"), store, temperature, diverse,
            options => options with { NGramWeight = weight });

    private static DraftMethod Method(
        string name, string? store, double temperature, bool diverse = false, Func<DraftsOptions, DraftsOptions>? change = null)
    {
        var drafts = diverse ? "diverse" : "superposed";
        var grams = store is null ? name : $"{Path.GetFileName(store)}, {name}";
        var title = string.Create(CultureInfo.InvariantCulture, $"{drafts} | {grams} | {temperature}");
        var options = new DraftsOptions
        {
            SuperposedTemperature = temperature,
            Diversity = diverse,
            Mode = store is null ? DraftsMode.None : DraftsMode.Geometric,
        };
        return new DraftMethod(title, DraftsMethod.Superposed, (_, _) => change?.Invoke(options) ?? options) { NGrams = store };
    }
}
