using System.Globalization;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Kernels;

namespace Coppice.Bench.Drafters;

/// <summary>
/// `drafters again`: requests like earlier ones. Some prompts, the same again, then others over the same material, each in a session of its
/// own: decoding with a drafter against plain decoding of the same prompt directly before and after it.
/// </summary>
/// <param name="model">The model; what its drafters have learned is dropped.</param>
/// <param name="tokens">Tokens of a continuation at most.</param>
internal sealed class ReplayBench(LanguageModel model, int tokens)
{
    /// <summary>Times of one request and what its passes gave.</summary>
    private readonly record struct Timed(TimeSpan Plain, GenerationResult Result);

    /// <summary>Runs `drafters again --model DIR --prompts FILE --variants FILE [--drafter auto] [--tokens 128] [--rounds 3]`.</summary>
    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        var prompts = take("--prompts") ?? throw new ArgumentException("--prompts: a file must be named.");
        var variants = take("--variants") ?? throw new ArgumentException("--variants: a file must be named.");
        var kind = take("--class") ?? "edit-code";
        var drafter = DrafterOptions.Parse(take("--drafter") ?? "auto");
        var weights = Enum.Parse<WeightFormat>(take("--weights") ?? "AsStored", ignoreCase: true);
        var options = new ModelOptions { Device = take("--device") ?? "cpu", ContextLength = 4096, WeightFormat = weights };
        if (options.WeightFormat != WeightFormat.AsStored) options = options with { Activations = ActivationFormat.Int8 };
        var (tokens, rounds) = (Whole(take("--tokens") ?? "128"), Whole(take("--rounds") ?? "3"));
        using var model = LanguageModel.Load(folder, options);
        var first = PromptSet.Read(prompts, model.Tokenizer!).Where(prompt => prompt.Class == kind).ToArray();
        var others = PromptSet.Read(variants, model.Tokenizer!).ToArray();
        var bench = new ReplayBench(model, tokens);
        if (take("--replay") is { } times) bench.Walk(first, others, drafter, take("--recording"), PassTimes.Parse(times));
        else bench.Measure(first, others, drafter, rounds);
        return 0;
    }

    /// <summary>The same against recorded continuations and given pass times, without the model: no clock has a part in it.</summary>
    private void Walk(ClassedPrompt[] first, ClassedPrompt[] variants, DrafterOptions drafter, string? path, PassCosts costs)
    {
        var texts = path is not null && File.Exists(path) ? Recording.Read(path) : Recording.Make(model, [.. first, .. variants], tokens);
        if (path is not null && !File.Exists(path)) Recording.Write(texts, path);
        var (begun, others) = (texts[..first.Length], texts[first.Length..]);
        foreach (var (name, each) in (IEnumerable<(string, RecordedText[])>)[("first", begun), ("again", begun), ("variants", others)])
        {
            var results = each.Select(text =>
            {
                using var session = drafter.Create(model.DraftContext);
                return Replay.Run(session, text, costs);
            }).ToArray();
            var (given, passes) = (results.Sum(result => result.Tokens), results.Sum(result => result.Passes));
            var nodes = (double)results.Sum(result => result.Nodes) / passes;
            Report(name, [.. results.Select(result => (result.Tokens * costs.Seconds(1), result.Seconds))], (double)given / passes, nodes);
        }
    }

    private void Measure(ClassedPrompt[] first, ClassedPrompt[] variants, DrafterOptions drafter, int rounds)
    {
        Console.WriteLine($"{model.DeviceName}; {drafter.Name}; {first.Length} prompts, {variants.Length} variants; {tokens} tokens");
        Measure(first[0], drafter);     // compiles code and measures passes
        (string Name, ClassedPrompt[] Prompts)[] phases = [("first", first), ("again", first), ("variants", variants)];
        for (var round = 0; round < rounds; round++)
        {
            model.DraftContext.Clear();
            foreach (var (name, prompts) in phases)
            {
                Timed[] runs = [.. prompts.Select(prompt => Measure(prompt, drafter))];
                var passes = (double)runs.Sum(run => run.Result.Steps);
                var (given, nodes) = (runs.Sum(run => run.Result.Ids.Count), passes + runs.Sum(run => run.Result.DraftedTokens));
                (double, double)[] times = [.. runs.Select(run => (run.Plain.TotalSeconds, run.Result.DecodeTime.TotalSeconds))];
                Report(name, times, given / passes, nodes / passes);
            }
        }
    }

    private Timed Measure(ClassedPrompt prompt, DrafterOptions drafter)
    {
        var before = Generate(prompt, DrafterOptions.None);
        var drafted = Generate(prompt, drafter);
        var after = Generate(prompt, DrafterOptions.None);
        if (!before.Ids.SequenceEqual(drafted.Ids))
            throw new InvalidOperationException($"{drafter.Name}, {prompt.Id}: the tokens must be those of plain decoding.");
        return new Timed((before.DecodeTime + after.DecodeTime) / 2, drafted);
    }

    private GenerationResult Generate(ClassedPrompt prompt, DrafterOptions drafter)
    {
        using var session = model.NewSession();
        foreach (var _ in session.Generate(prompt.Ids, new GenerationOptions { MaxTokens = tokens, Drafter = drafter })) { }
        return session.LastResult!;
    }

    /// <summary>
    /// Prints a phase: the ratio of all times, the median of the requests, which a disturbed one does not change, and each.
    /// </summary>
    private static void Report(string name, (double Plain, double Drafted)[] times, double tokensPerPass, double nodesPerPass)
    {
        var ratio = times.Sum(time => time.Plain) / times.Sum(time => time.Drafted);
        double[] ratios = [.. times.Select(time => time.Plain / time.Drafted)];
        var median = ratios.Order().ElementAt(ratios.Length / 2);
        var each = string.Join(' ', ratios.Select(one => one.ToString("0.0", CultureInfo.InvariantCulture)));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-9} {ratio:0.00}x, median {median:0.00}x; {tokensPerPass:0.00} tokens, {nodesPerPass:0.0} nodes a pass: {each}"));
    }

    private static int Whole(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
