namespace Coppice.Bench.Drafts;

/// <summary>What the drafts of one method and count are worth: means over prompts and seeds.</summary>
/// <param name="Method">Which.</param>
/// <param name="Count">Drafts of a prompt.</param>
/// <param name="Best">Perplexity of the best draft of a prompt by the judge: geometric mean over prompts.</param>
/// <param name="First">Of the draft that comes first.</param>
/// <param name="Mean">Of all drafts: the geometric mean.</param>
/// <param name="Hits">Share of prompts where a draft begins with the true next token; where there is a true text.</param>
/// <param name="Leading">Tokens of the true text that the best draft begins with.</param>
/// <param name="SelfBleu">BLEU-4 of each draft against the others, smoothed: 1 where all are equal.</param>
/// <param name="FirstTokens">Different first tokens of a prompt's drafts.</param>
/// <param name="AllDistinct">Share of prompts with as many different first tokens as drafts were asked for.</param>
internal sealed record DraftQualityRow(
    string Method, int Count, double Best, double First, double Mean, double Hits, double Leading, double SelfBleu, double FirstTokens,
    double AllDistinct)
{
    /// <summary>Share of prompts where the first draft begins with the true next token; null where it was not counted.</summary>
    public double? FirstHits { get; init; }
}

/// <summary>A beginning, and the tokens that truly follow, if any.</summary>
internal sealed record DraftPrompt(int[] Ids, int[] Truth);

/// <summary>Judges drafts.</summary>
internal static class DraftQuality
{
    private const int Prefix = 15;

    /// <summary>
    /// Beginnings of 15 tokens, spread over texts whose documents stand between separators, or are pieces of them; ten tokens that follow
    /// each.
    /// </summary>
    /// <param name="model">Its tokens.</param>
    /// <param name="files">Texts.</param>
    /// <param name="count">Prompts at most.</param>
    /// <param name="stride">Tokens from one beginning to the next.</param>
    public static IReadOnlyList<DraftPrompt> Prompts(LanguageModel model, IEnumerable<string> files, int count, int stride = 4 * Prefix)
    {
        var all = new List<DraftPrompt>();
        int[] frame = model.Tokenizer!.Encode("");
        foreach (var ids in Documents(model, files))
        {
            // Whole texts give many, documents of a few lines one each.
            for (var start = 0; start + Prefix + DraftMethods.Tokens <= ids.Length; start += stride)
            {
                var end = start + Prefix;
                all.Add(new DraftPrompt([.. frame, .. ids[start..end]], ids[end..(end + DraftMethods.Tokens)]));
                if (ids.Length < 40 * Prefix) break;
            }
        }
        return [.. Enumerable.Range(0, Math.Min(count, all.Count)).Select(i => all[(int)((long)i * all.Count / count)])];
    }

    /// <summary>Tokens of each document of the files.</summary>
    public static IEnumerable<int[]> Documents(LanguageModel model, IEnumerable<string> files) =>
        files.SelectMany(file => File.ReadAllText(file).Split("<|endoftext|>"))
            .Select(document => model.Tokenizer!.Encode(document, addSpecialTokens: false));

    /// <summary>A row for each method of one count.</summary>
    /// <param name="model">Makes the drafts.</param>
    /// <param name="judge">Says how probable they are; null where the model judges itself.</param>
    /// <param name="prompts">Beginnings.</param>
    /// <param name="count">Drafts of each.</param>
    /// <param name="seeds">How often sampled drafts are made.</param>
    /// <param name="ngrams">A store; null for none.</param>
    /// <param name="methods">Which; null for all of the tables.</param>
    public static IEnumerable<DraftQualityRow> Measure(
        LanguageModel model, LanguageModel? judge, IReadOnlyList<DraftPrompt> prompts, int count, int seeds, string? ngrams,
        IEnumerable<DraftMethod>? methods = null)
    {
        using var scorer = new Scorer(judge ?? model);
        using var session = model.NewSession();
        foreach (var method in methods ?? DraftMethods.All.Where(method => ngrams is not null || !method.NeedsNGrams))
        {
            // Scores of sampled drafts and of beams are the model's own log-probabilities.
            var known = judge is null && method.Method != DraftsMethod.Superposed;
            var totals = new Totals(count);
            foreach (var prompt in prompts)
            {
                for (var seed = 0ul; seed < (method.Seeds ? (ulong)seeds : 1); seed++)
                {
                    var drafts = DraftMethods.Run(session, prompt.Ids, method.With(count, seed, ngrams)).Drafts;
                    totals.Add(prompt, drafts,
                        [.. drafts.Select(draft => known ? -draft.LogScore / draft.Ids.Count : Loss(prompt, draft))]);
                }
            }
            yield return totals.Row(method.Name);
        }

        double Loss(DraftPrompt prompt, Draft draft) => -scorer.LogProbabilities(new ScoredText(prompt.Ids, [.. draft.Ids])).Average();
    }

    /// <summary>
    /// BLEU-4 of a text against others: n-gram precisions, those without a match counted as a tenth of one (smoothing 1), and no brevity
    /// penalty for equal lengths.
    /// </summary>
    internal static double Bleu(IReadOnlyList<int> text, IReadOnlyList<IReadOnlyList<int>> others)
    {
        var logs = 0.0;
        for (var n = 1; n <= 4; n++)
        {
            var known = others.Select(other => Grams(other, n)).ToArray();
            var (matches, total) = (0, 0);
            foreach (var (gram, times) in Grams(text, n))
            {
                matches += Math.Min(times, known.Max(grams => grams.GetValueOrDefault(gram)));
                total += times;
            }
            logs += Math.Log(Math.Max(matches, 0.1) / Math.Max(total, 1)) / 4;
        }
        return Math.Exp(logs);
    }

    private static Dictionary<string, int> Grams(IReadOnlyList<int> text, int n)
    {
        var grams = new Dictionary<string, int>();
        for (var i = 0; i + n <= text.Count; i++)
        {
            var key = string.Join(' ', text.Skip(i).Take(n));
            grams[key] = grams.GetValueOrDefault(key) + 1;
        }
        return grams;
    }

    private sealed class Totals(int count)
    {
        private double _best, _first, _mean, _hits, _firstHits, _leading, _bleu, _firstTokens, _distinct;
        private int _runs, _withTruth;

        public void Add(DraftPrompt prompt, IReadOnlyList<Draft> drafts, double[] losses)
        {
            _best += losses.Min();
            _first += losses[0];
            _mean += losses.Average();
            if (drafts.Count > 1) _bleu += drafts.Average(draft => Bleu(draft.Ids, Others(draft)));
            var first = drafts.Select(draft => draft.Ids[0]).Distinct().Count();
            _firstTokens += first;
            _distinct += first == count ? 1 : 0;
            _runs++;
            if (prompt.Truth.Length == 0) return;
            var leading = drafts.Max(draft => prompt.Truth.AsSpan().CommonPrefixLength([.. draft.Ids]));
            _leading += leading;
            _hits += leading > 0 ? 1 : 0;
            _firstHits += drafts[0].Ids[0] == prompt.Truth[0] ? 1 : 0;
            _withTruth++;

            IReadOnlyList<int>[] Others(Draft draft) =>
                [.. drafts.Where(other => !ReferenceEquals(other, draft)).Select(other => other.Ids)];
        }

        public DraftQualityRow Row(string method) => new(
            method, count, Math.Exp(_best / _runs), Math.Exp(_first / _runs), Math.Exp(_mean / _runs), _hits / Math.Max(_withTruth, 1),
            _leading / Math.Max(_withTruth, 1), _bleu / _runs, _firstTokens / _runs, _distinct / _runs)
        {
            FirstHits = _withTruth == 0 ? null : _firstHits / _withTruth,
        };
    }
}
