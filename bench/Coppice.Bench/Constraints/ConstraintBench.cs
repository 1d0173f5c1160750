using System.Globalization;
using System.Text;
using System.Text.Json;
using Coppice.Constraints;
using Coppice.Drafting;
using Coppice.Text;

namespace Coppice.Bench.Constraints;

/// <summary>
/// Decoding under named schemas: the same prompt without a constraint, with one, and with one and drafts, directly after each other; and
/// how probable the model finds its own answers in each spelling of JSON.
/// </summary>
internal static class ConstraintBench
{
    /// <summary>`constraints --model DIR [--rounds N] [--tokens N] [--drafter NAME] [--schemas FILE]`.</summary>
    public static int Run(Func<string, string?> take)
    {
        var folder = take("--model") ?? throw new ArgumentException("--model: a model's folder must be named.");
        var rounds = int.Parse(take("--rounds") ?? "5", CultureInfo.InvariantCulture);
        var tokens = int.Parse(take("--tokens") ?? "200", CultureInfo.InvariantCulture);
        var drafter = DrafterOptions.Parse(take("--drafter") ?? "auto");
        var file = take("--schemas")
            ?? Path.Combine(BenchResults.Repository() ?? ".", "bench", "Coppice.Bench", "Constraints", "schemas.jsonl");
        using var model = LanguageModel.Load(folder, new ModelOptions { Device = "cpu", ContextLength = 2048 });
        var table = new StringBuilder();
        table.AppendLine("# Decoding under a schema").AppendLine();
        table.Append("| schema | tokens | passes | free, tokens/s | schema | ratio | schema and drafts | ratio | same answer ")
            .AppendLine("| bytes per token |");
        table.AppendLine("|---|--:|--:|--:|--:|--:|--:|--:|---|--:|");
        var all = (Free: new Speed(), Held: new Speed(), Drafted: new Speed());
        var (different, allocated) = (0, 0.0);
        foreach (var (name, prompt, schema) in Read(file))
        {
            var ids = Prompt(model, prompt);
            var held = new GenerationOptions { Schema = schema, MaxTokens = tokens };
            // Masks and drafters are warm after the first round, which does not count.
            var one = (Free: new Speed(), Held: new Speed(), Drafted: new Speed());
            GenerationResult plain = Generate(model, ids, held), quick = Generate(model, ids, held with { Drafter = drafter });
            var same = plain.Ids.SequenceEqual(quick.Ids);
            if (!same) different++;
            var bytes = double.PositiveInfinity;
            for (var round = 0; round < rounds; round++)
            {
                one.Free.Add(Generate(model, ids, new GenerationOptions { MaxTokens = Math.Max(plain.Ids.Count, 2), IgnoreEos = true }));
                one.Held.Add(plain = Generate(model, ids, held));
                one.Drafted.Add(Generate(model, ids, held with { Drafter = drafter }));
                bytes = Math.Min(bytes, plain.AllocatedBytesPerToken);
            }
            all.Free.Add(one.Free);
            all.Held.Add(one.Held);
            all.Drafted.Add(one.Drafted);
            allocated = Math.Max(allocated, bytes);
            table.AppendLine(CultureInfo.InvariantCulture,
                $"| {name} | {plain.Ids.Count} | {plain.Steps} | {one.Free.Value:f0} | {one.Held.Value:f0} "
                + $"| {one.Held.Value / one.Free.Value:f2}x | {one.Drafted.Value:f0} | {one.Drafted.Value / one.Free.Value:f2}x "
                + $"| {(same ? "yes" : "NO")} | {bytes:f0} |");
        }
        table.AppendLine(CultureInfo.InvariantCulture,
            $"| all | | | {all.Free.Value:f0} | {all.Held.Value:f0} | {all.Held.Value / all.Free.Value:f2}x "
            + $"| {all.Drafted.Value:f0} | {all.Drafted.Value / all.Free.Value:f2}x "
            + $"| {(different == 0 ? "yes" : $"{different} differ")} | {allocated:f0} |");
        table.AppendLine().Append(Spellings(model, file, tokens));
        Console.Write(table);
        if (BenchResults.Folder() is { } results) File.WriteAllText(Path.Combine(results, "constraints.md"), table.ToString());
        return different == 0 ? 0 : 1;
    }

    /// <summary>
    /// Which white space the model itself would write: answers with any white space, and the log-probability of each answer's values in
    /// both fixed spellings. Log-probabilities are the model's own, before any mask, by token and by answer.
    /// </summary>
    private static string Spellings(LanguageModel model, string file, int tokens)
    {
        var (spaced, compact, other) = (0, 0, 0);
        var sums = new Dictionary<WhiteSpace, (double LogProb, int Tokens)>();
        var better = 0;
        var count = 0;
        foreach (var (_, prompt, schema) in Read(file))
        {
            var ids = Prompt(model, prompt);
            count++;
            var free = Generate(model, ids,
                new GenerationOptions { Schema = schema, MaxTokens = tokens, SchemaOptions = new() { PlainIntegers = true } }).Text;
            if (free.Contains('\n', StringComparison.Ordinal)) other++;
            else if (free.Contains("\": ", StringComparison.Ordinal)) spaced++;
            else if (free.Contains("\":", StringComparison.Ordinal)) compact++;
            var byKind = new Dictionary<WhiteSpace, double>();
            foreach (var kind in (WhiteSpace[])[WhiteSpace.Spaced, WhiteSpace.None])
            {
                var options = new GenerationOptions
                {
                    Schema = schema,
                    MaxTokens = tokens,
                    LogProbs = 0,
                    SchemaOptions = new() { WhiteSpace = kind, PlainIntegers = true },
                };
                var (sum, length) = (0.0, 0);
                using var session = model.NewSession();
                foreach (var piece in session.Generate(ids, options))
                {
                    sum += piece.LogProbs!.Chosen;
                    length++;
                }
                byKind[kind] = sum;
                var before = sums.GetValueOrDefault(kind);
                sums[kind] = (before.LogProb + sum, before.Tokens + length);
            }
            if (byKind[WhiteSpace.Spaced] > byKind[WhiteSpace.None]) better++;
        }
        var text = new StringBuilder("## Spelling\n\n");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"With any white space allowed the model writes {spaced} of {count} answers with a space after colons, "
            + $"{compact} without, {other} with line ends.").AppendLine();
        text.AppendLine("| spelling | tokens | ln p of all answers | ln p per token |").AppendLine("|---|--:|--:|--:|");
        foreach (var (kind, (sum, length)) in sums)
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {(kind == WhiteSpace.Spaced ? "spaced" : "compact")} | {length} | {sum:f1} | {sum / length:f3} |");
        text.AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"The spaced answer is the more probable one for {better} of {count} schemas.");
        return text.ToString();
    }

    private static int[] Prompt(LanguageModel model, string text)
    {
        var tokenizer = model.Tokenizer ?? throw new ArgumentException("--model: the model must have a tokenizer.");
        if (tokenizer.ChatTemplate is not { } template) return tokenizer.Encode(text);
        var input = new ChatTemplateInput { Messages = [new ChatMessage("user", text)], AddGenerationPrompt = true };
        foreach (var (name, token) in tokenizer.SpecialTokens.Named) input = input.WithVariable(name, token);
        return tokenizer.Encode(new ChatTemplate(template).Render(input), addSpecialTokens: false);
    }

    /// <summary>A text in a scope of its own: the drafter must not know the same answer from a round before.</summary>
    private static GenerationResult Generate(LanguageModel model, int[] prompt, GenerationOptions options)
    {
        using var session = model.NewSession(new SessionOptions { Scope = new CacheScope("a round") });
        foreach (var _ in session.Generate(prompt, options)) { }
        return session.LastResult!;
    }

    private static IEnumerable<(string Name, string Prompt, string Schema)> Read(string file)
    {
        foreach (var line in File.ReadLines(file))
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            yield return (root.GetProperty("name").GetString()!, root.GetProperty("prompt").GetString()!,
                root.GetProperty("schema").GetRawText());
        }
    }

    /// <summary>Tokens after the first of each generation, over the time that they took.</summary>
    private sealed class Speed
    {
        private double _tokens, _seconds;

        public double Value => _tokens / _seconds;

        public void Add(GenerationResult result)
        {
            _tokens += result.DecodeTokensPerSecond * result.DecodeTime.TotalSeconds;
            _seconds += result.DecodeTime.TotalSeconds;
        }

        public void Add(Speed other)
        {
            _tokens += other._tokens;
            _seconds += other._seconds;
        }
    }
}
