using System.Globalization;
using Coppice.Drafting;

namespace Coppice.Bench.Drafters;

/// <summary>`drafters`: what each drafter is worth on prompts of several kinds, beside plain decoding in the same run.</summary>
internal static class DrafterBench
{
    private const int FewestTokens = 8;      // a shorter continuation says nothing about speed
    private const string Everything = "auto prompt-lookup suffix token-recycling token-recycling:tree=template aded";

    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        var tokens = Whole(take("--tokens") ?? "128");
        var (prompts, path) = (take("--prompts"), take("--recording"));
        if (prompts is null && path is null) throw new ArgumentException("--prompts or --recording: a file must be named.");
        var names = (take("--drafters") ?? Everything).Split(' ');
        var (perClass, repeats) = (Whole(take("--per-class") ?? "1000"), Whole(take("--repeats") ?? "1"));
        using var model = LanguageModel.Load(folder, new ModelOptions { Device = take("--device") ?? "cpu", ContextLength = 4096 });
        var texts = path is not null && File.Exists(path)
            ? Recording.Read(path) : Recording.Make(model, PromptSet.Read(prompts!, model.Tokenizer!), tokens);
        if (path is not null && !File.Exists(path)) Recording.Write(texts, path);
        if (take("--measure") == "no") return 0;
        if (take("--replay") is { } times) Replays(model, texts, names, times);
        else Measure(model, Path.GetFileName(Path.GetFullPath(folder)), texts, names, perClass, repeats);
        return 0;
    }

    /// <summary>Tables and plots anew from the kept results.</summary>
    public static int Tables()
    {
        DrafterResults.Write();
        return 0;
    }

    private static void Measure(LanguageModel model, string name, IReadOnlyList<RecordedText> texts, string[] names, int perClass,
        int repeats)
    {
        var few = texts.Where(text => text.Ids.Length - text.PromptLength >= FewestTokens).GroupBy(text => text.Class)
            .SelectMany(kind => kind.Take(perClass)).ToArray();
        var rows = new DrafterRun(model, texts, repeats).Measure(names, few);
        DrafterResults.Keep(name, model.DeviceName, PassCurve.Measure(model), rows);
    }

    /// <summary>Replays against pass times given as "rows:time rows:time …".</summary>
    private static void Replays(LanguageModel model, IReadOnlyList<RecordedText> texts, string[] names, string times)
    {
        var costs = PassTimes.Parse(times);
        foreach (var name in names)
        {
            foreach (var warm in (bool[])[false, true])
            {
                var line = $"{name} {(warm ? "warm" : "cold")}:";
                var mean = 0.0;
                var kinds = texts.GroupBy(text => text.Class).ToArray();
                foreach (var kind in kinds)
                {
                    var results = kind.Select(text => Replay.Run(
                        Replay.Create(DrafterOptions.Parse(name), model, warm ? texts.Where(other => other != text) : [], costs), text,
                            costs))
                        .ToArray();
                    var (given, passes) = (results.Sum(r => r.Tokens), results.Sum(r => r.Passes));
                    var speed = given * costs.Seconds(1) / results.Sum(r => r.Seconds);
                    mean += speed / kinds.Length;
                    line += string.Create(CultureInfo.InvariantCulture, $"  {kind.Key} {(double)given / passes:0.00} a pass, "
                        + $"{(double)results.Sum(r => r.Nodes) / passes:0.0} nodes, {speed:0.00}x;");
                }
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{line}  mean {mean:0.000}x"));
            }
        }
    }

    private static int Whole(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
