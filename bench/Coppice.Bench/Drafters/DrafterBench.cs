using Coppice.Decoding;
using Coppice.Speculation;

namespace Coppice.Bench.Drafters;

/// <summary>`drafters`: what each drafter is worth on prompts of several kinds.</summary>
internal static class DrafterBench
{
    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        using var model = LanguageModel.Load(folder, new ModelOptions { Device = "cpu", MaxTokens = 2048 });
        if (take("--replay") is { } recording)
        {
            var texts = Recording.Read(recording);
            var costs = PassCosts.Of((1, 6.5), (8, 6.5), (9, 6.87), (32, 23.66));
            var flat = PassCosts.Of((1, 1), (8, 1.14), (9, 1.23), (32, 3.3));
            foreach (var name in (take("--drafters") ?? "auto prompt-lookup").Split(' '))
                foreach (var c in (PassCosts[])[costs, flat])
            {
                var line = $"{name,-20}";
                var sum = 0.0; long nodes = 0, passes = 0;
                var classes = texts.GroupBy(t => t.Class).ToArray();
                foreach (var k in classes)
                {
                    var total = new ReplayResult(0, 0, 0, 0);
                    foreach (var t in k)
                    {
                        using var drafter = DrafterOptions.Parse(name).Create(model);
                        var r = Replay.Run(drafter, t, c);
                        total = new(total.Tokens + r.Tokens, total.Passes + r.Passes, total.Nodes + r.Nodes, total.Seconds + r.Seconds);
                    }
                    line += $" {k.Key[..4]} {(double)total.Tokens / total.Passes:0.00} {total.Tokens * c.Seconds(1) / total.Seconds:0.00}x";
                    sum += total.Tokens * c.Seconds(1) / total.Seconds; nodes += total.Nodes; passes += total.Passes;
                }
                Console.WriteLine($"{line} mean {sum / classes.Length:0.000} nodes {(double)nodes / passes:0.0}");
            }
            return 0;
        }
        var prompts = take("--prompts") ?? throw new ArgumentException("--prompts: a JSON lines file must be named.");
        var tokens = int.Parse(take("--tokens") ?? "128", System.Globalization.CultureInfo.InvariantCulture);
        var set = PromptSet.Read(prompts, model.Tokenizer!);
        if (take("--record") is { } path) Recording.Make(model, set, tokens, path);
        return 0;
    }
}
