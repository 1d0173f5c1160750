using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Coppice.Decoding.Constraints;
using Coppice.Text;

namespace Coppice.Bench.Constraints;

/// <summary>Random walks through the masks of many schemas; see <see cref="SchemaWalks"/>.</summary>
internal static class WalkBench
{
    /// <summary>`constraints walks --schemas FILE --model DIR [--walks N]`; the status is 1 where something is wrong.</summary>
    public static int Run(Func<string, string?> take)
    {
        var file = take("--schemas") ?? throw new ArgumentException("--schemas: a file as golden/jsonschema/bench.jsonl must be named.");
        var folder = take("--model") ?? throw new ArgumentException("--model: a folder with a tokenizer must be named.");
        var wanted = int.Parse(take("--walks") ?? "10000", CultureInfo.InvariantCulture);
        var tokenizer = Tokenizer.Load(folder);
        var end = tokenizer.SpecialTokens.EndId
            ?? throw new ArgumentException("--model: the tokenizer must have a token that ends a text.");
        var walks = new SchemaWalks(ModelVocabulary.Of(tokenizer, tokenizer.VocabularySize, [end]));
        var lines = File.ReadAllLines(file);
        var each = (wanted + lines.Length - 1) / lines.Length;
        var (most, start, wrong) = (SchemaWalks.MostTokens, Process.GetCurrentProcess().TotalProcessorTime, 0);
        var slowest = ("", TimeSpan.Zero);
        foreach (var line in lines)
        {
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 256 });
            var (id, begun) = (document.RootElement.GetProperty("id").GetString()!, Process.GetCurrentProcess().TotalProcessorTime);
            walks.Walk(id, document.RootElement.GetProperty("schema").GetRawText(), each);
            var spent = Process.GetCurrentProcess().TotalProcessorTime - begun;
            if (spent > slowest.Item2) slowest = (id, spent);
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{id}: {spent.TotalSeconds:f1} s; {walks}"));
            foreach (var instance in walks.Wrong.Skip(wrong)) Console.Error.WriteLine(instance);
            wrong = walks.Wrong.Count;
        }
        var (all, model) = (Process.GetCurrentProcess().TotalProcessorTime - start, Path.GetFileName(Path.GetFullPath(folder)));
        var (name, seconds, worst) = (Path.GetFileName(file), all.TotalSeconds, slowest.Item2.TotalSeconds);
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            # Random walks through masks

            `coppice-bench constraints walks`: {each} walks for each of {lines.Length} schemas of {name}, the vocabulary of
            {model}, at most {most} tokens and then closed. Instances are judged by JsonSchema.Net where it reads the schema's
            draft and references. {seconds:f0} s of processor time on {BenchResults.Processor()}, {worst:f0} s of them
            for the slowest schema, {slowest.Item1}.

            | what became of walks | count |
            |---|--:|
            | begun | {each * lines.Length} |
            | ended | {walks.Ended} |
            | judged | {walks.Judged} |
            | wrong | {walks.Wrong.Count} |
            | refused by the other validator for nothing but a format | {walks.Formats.Count} |
            | reached a place where nothing may follow | {walks.Dead} |
            | did not end | {walks.Open} |
            | took more than {most} tokens though a shorter text is known | {walks.Late} |
            | took more than {most} tokens as every text known does | {walks.Long} |
            | states taken to be completable because finding out took too long | {walks.Unknown} |

            """);
        Console.Write(text);
        foreach (var instance in walks.Wrong.Concat(walks.Formats)) Console.WriteLine(instance);
        if (BenchResults.Repository() is { } repository) File.WriteAllText(Path.Combine(repository, "bench", "results", "walks.md"), text);
        return walks.Wrong.Count + walks.Open + walks.Late == 0 ? 0 : 1;
    }
}
