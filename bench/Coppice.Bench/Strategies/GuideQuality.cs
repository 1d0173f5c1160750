using System.Globalization;
using System.Text;
using Coppice.Drafting;

namespace Coppice.Bench.Strategies;

/// <summary>Reward against how far a guided text goes from the model: controlled decoding, Transfer Q* and blocks of the best.</summary>
internal static class GuideQuality
{
    private const int Tokens = 48, Prompts = 12;

    private static readonly ISequenceScorer Reward = SequenceScorers.Count("e");

    public static string Run(QualityModels models)
    {
        var text = new StringBuilder("## Guided by values: reward against KL\n\n");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{models.LargeName}, {Prompts} prompts, {Tokens} tokens at T = 1; the reward is how often \"e\" is in the text. KL in nats: "
            + $"what a guided token gained over the model's own log-probability, on average; of blocks the bound ln k - (k - 1) / k for "
            + $"each.").AppendLine();
        text.AppendLine("| | reward | KL a token |").AppendLine("|---|--:|--:|");
        foreach (var weight in (double[])[0, .5, 1, 2, 4])
            Row($"prefix values, weight {weight}", new ValueGuideOptions { Weight = weight, Candidates = 10, Scorer = Reward });
        foreach (var weight in (double[])[.5, 1, 2])
            Row($"8 ahead, weight {weight}", new ValueGuideOptions { Weight = weight, Candidates = 4, Horizon = 8, Scorer = Reward });
        foreach (var (count, block) in ((int, int)[])[(4, 8), (4, 16), (8, 8), (8, Tokens)])
            Row($"best of {count} of {block} tokens", new BlockwiseOptions { Count = count, Block = block, Scorer = Reward });
        return text.ToString();

        void Row(string name, StrategyOptions strategy)
        {
            var (rewards, divergences) = (new List<double>(), new List<double>());
            using var scorer = new Scorer(models.Large);
            for (var prompt = 0; prompt < Prompts; prompt++)
            {
                using var session = models.Large.NewSession();
                var ids = models.Large.Tokenizer!.Encode($"Gets the {(char)('a' + prompt)}");
                var options = new GenerationOptions
                {
                    MaxTokens = Tokens,
                    Temperature = 1,
                    Seed = (ulong)prompt,
                    IgnoreEos = true,
                    Drafter = DrafterOptions.None,
                    LogProbs = 0,
                    LogProbMode = LogProbMode.Final,
                    Strategy = strategy,
                };
                GeneratedPiece[] pieces = [.. session.Generate(ids, options)];
                rewards.Add(session.LastResult!.Text.AsSpan().Count('e'));
                var own = scorer.LogProbabilities(new ScoredText(ids, [.. pieces.Select(piece => piece.TokenId)]));
                divergences.Add(strategy is BlockwiseOptions block
                    ? Math.Ceiling(Tokens / (double)block.Block) * (Math.Log(block.Count) - (block.Count - 1.0) / block.Count) / Tokens
                    : pieces.Zip(own).Average(pair => pair.First.LogProbs!.Chosen - pair.Second));
            }
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {rewards.Average():f2} | {divergences.Average():f3} |");
        }
    }
}
