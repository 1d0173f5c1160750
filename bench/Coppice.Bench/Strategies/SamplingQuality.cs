using System.Globalization;
using System.Text;
using Coppice.Decoding.Verification;
using Coppice.Drafting;

namespace Coppice.Bench.Strategies;

/// <summary>How near Mirostat keeps to its target, and what switching models costs and saves.</summary>
internal static class SamplingQuality
{
    private const double Bit = 0.69314718055994531;
    private const int Tokens = 512, Seeds = 3;

    private static readonly string[] Prompts =
    [
        "Gets or sets", "Returns the number of", "Throws when the argument", "/// <summary>Reads", "Represents a", "public static",
        "The name of the", "Determines whether",
    ];

    /// <summary>Mean surprise of 512 tokens against τ.</summary>
    public static string Mirostat(QualityModels models)
    {
        var text = new StringBuilder("## Mirostat: surprise over 512 tokens\n\n");
        text.AppendLine("Bits of the model's own probability, mean of 512 tokens, the largest distance of three seeds from the target.")
            .AppendLine();
        text.AppendLine("| version | target | mean of seeds | largest distance | within .1 |").AppendLine("|--:|--:|--:|--:|---|");
        foreach (var version in (int[])[1, 2])
        {
            foreach (var target in (double[])[2, 3, 4, 5])
            {
                double[] means = [.. Enumerable.Range(1, Seeds).Select(seed => Surprise(models.Main, version, target, (ulong)seed))];
                var distance = means.Max(mean => Math.Abs(mean - target));
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"| {version} | {target} | {means.Average():f3} | {distance:f3} | {(distance <= .1 ? "yes" : "no")} |");
            }
        }
        return text.ToString();
    }

    /// <summary>Share of tokens that the small model gave, against the loss of the text under the large one.</summary>
    public static string Switching(QualityModels models)
    {
        var text = new StringBuilder("## Switching by entropy\n\n");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{models.SmallName} and {models.LargeName}, {Prompts.Length} prompts, 160 tokens at T = 1. The loss is the text's under the "
            + $"large model, in nats a token; the last row has as little of the small one as the window allows.").AppendLine();
        text.AppendLine("| threshold, bits | tokens of the small model | loss under the large one |").AppendLine("|--:|--:|--:|");
        using var scorer = new Scorer(models.Large);
        foreach (var threshold in (double[])[1000, 4, 3, 2, 1, 0])
        {
            var (loss, shares) = (new List<double>(), new List<double>());
            foreach (var prompt in Prompts)
            {
                var ids = models.Large.Tokenizer!.Encode(prompt);
                using var model = new SwitchingModel(
                    Steps(models.Small, ids), Steps(models.Large, ids), new EntropySwitchPolicy(5, threshold, leastStay: 10));
                var made = Generate(model, ids, 160).GetAwaiter().GetResult();
                shares.Add(model.FromLarge.Count(isLarge => !isLarge) / (double)model.FromLarge.Count);
                loss.Add(-scorer.LogProbabilities(new ScoredText(ids, made)).Average());
            }
            text.AppendLine(CultureInfo.InvariantCulture, $"| {threshold} | {shares.Average():p1} | {loss.Average():f3} |");
        }
        return text.ToString();
    }

    private static double Surprise(LanguageModel model, int version, double target, ulong seed)
    {
        using var session = model.NewSession();
        var options = new GenerationOptions
        {
            MaxTokens = Tokens,
            Temperature = 1,
            Seed = seed,
            IgnoreEos = true,
            LogProbs = 0,
            Drafter = DrafterOptions.None,
            Strategy = new MirostatOptions { Version = version, Target = target, Rate = .1 },
        };
        return session.Generate("The history of the town begins", options).Average(piece => -piece.LogProbs!.Chosen / Bit);
    }

    private static SessionSteps Steps(LanguageModel model, int[] prompt)
    {
        var steps = new SessionSteps(model.NewSession(), model.VocabularySize);
        steps.Advance(prompt);
        return steps;
    }

    /// <summary>Text by a model that is asked afterwards who gave which row.</summary>
    private static async Task<IReadOnlyList<int>> Generate(IStepModel model, int[] prompt, int tokens)
    {
        var options = new GenerationOptions { MaxTokens = tokens, Temperature = 1, Seed = 5 };
        var text = new StepText(model, new StepRules(options, prompt, new StopRule(tokens, []), tokens));
        while (!text.IsFinished) await text.StepAsync().ConfigureAwait(false);
        return text.Tokens;
    }
}
