using System.Text.Json;

namespace Coppice.Cli.SelfTest;

/// <summary>The model that ships with the program against what PyTorch computed from its files in double precision: golden.json.</summary>
internal static class ShippedModelCheck
{
    private const string Golden = "golden.json";
    private const double Tolerance = 1e-3;      // of a logit of about 5, after some hundred ops in F32
    private const int MostTokens = 16;

    /// <summary>
    /// The largest logits after each prompt, and the greedy tokens up to the first whose margin is a close call.
    /// </summary>
    /// <exception cref="CommandException">The model's folder or its golden.json is not there.</exception>
    public static SelfTestRow Run(ModelOptions options, TimeSpan limit, CancellationToken cancellation)
    {
        var folder = ModelFolders.Require(ModelFolders.Shipped());
        var path = Path.Combine(folder, Golden);
        if (!File.Exists(path)) throw new CommandException($"{path}: the file must be there, found none (it comes with the program).");
        using var golden = JsonDocument.Parse(File.ReadAllText(path));
        using var model = LanguageModel.Load(folder, options);
        using var session = model.NewSession();
        var outcome = new Outcome(limit);
        foreach (var prompt in golden.RootElement.GetProperty("prompts").EnumerateArray())
        {
            cancellation.ThrowIfCancellationRequested();
            int[] ids = [.. Numbers(prompt, "ids").Select(id => (int)id)];
            if (prompt.TryGetProperty("top_logits", out var largest)) CompareLogits(model, ids, largest, outcome, cancellation);
            CompareTokens(session, ids, prompt, outcome, cancellation);
        }
        return outcome.Row($"model {Path.GetFileName(folder)}");
    }

    private static void CompareLogits(
        LanguageModel model, int[] ids, JsonElement largest, Outcome outcome, CancellationToken cancellation)
    {
        var pairs = largest.EnumerateArray().Select(pair => (Id: pair[0].GetInt32(), Logit: pair[1].GetDouble())).ToArray();
        using var scorer = new Scorer(model, ids.Length);
        outcome.Compare(Array.ConvertAll(pairs, pair => pair.Logit), () =>
        {
            var last = Array.Empty<float>();
            scorer.Logits(ids, (_, rows) => last = rows[^model.VocabularySize..].ToArray(), cancellation);
            return Array.ConvertAll(pairs, pair => last[pair.Id]);
        }, Tolerance);
    }

    private static void CompareTokens(Session session, int[] ids, JsonElement prompt, Outcome outcome, CancellationToken cancellation)
    {
        var sure = Numbers(prompt, "margins").TakeWhile(margin => margin >= 2 * Tolerance).Take(MostTokens).Count();
        if (sure == 0) return;
        var expected = Numbers(prompt, "greedy").Take(sure).ToArray();
        outcome.Compare(expected, () =>
        {
            session.Reset();
            var options = new GenerationOptions { MaxTokens = sure, IgnoreEos = true };
            return [.. session.Generate(ids, options, cancellation).Select(piece => (float)piece.TokenId)];
        }, 0);
    }

    private static IEnumerable<double> Numbers(JsonElement element, string name) =>
        element.GetProperty(name).EnumerateArray().Select(item => item.GetDouble());
}
