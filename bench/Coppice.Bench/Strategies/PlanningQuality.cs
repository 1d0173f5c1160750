using System.Globalization;
using System.Text;
using System.Text.Json;
using Coppice.Drafting;

namespace Coppice.Bench.Strategies;

/// <summary>Programs that pass their tests, by planning and by best of n with as many rows of the model.</summary>
internal static class PlanningQuality
{
    private const int Seeds = 3;

    private static readonly GenerationOptions Program = new()
    {
        Grammar = Expression.Grammar,
        MaxTokens = 24,
        Drafter = DrafterOptions.None,
    };

    public static string Run(QualityModels models)
    {
        var tasks = File.ReadLines(models.File("programs.jsonl")).Select(Task.Read).ToArray();
        var text = new StringBuilder("## Planning against best of n\n\n");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{models.Name} writes {tasks.Length} expressions after a comment (programs.jsonl), under a grammar; four tests are "
            + $"public, eight hidden. Best of n draws one text after the other at T = 1, until it has taken the rows that planning took (mean of {Seeds} "
            + $"seeds), and takes the best by the public tests.").AppendLine();
        text.AppendLine("| evaluations | rows of the model | planning: public, hidden | best of n: public, hidden | n | ratio of hidden |")
            .AppendLine("|--:|--:|--:|--:|--:|--:|");
        foreach (var evaluations in (int[])[1, 8, 16, 64])
        {
            var (rows, drawn, planned, sampled) = (0.0, 0.0, new double[2], new double[2]);
            foreach (var task in tasks)
            {
                var (code, taken) = Plan(models.Main, task, evaluations);
                rows += taken;
                Count(planned, task, code, 1);
                for (ulong seed = 0; seed < Seeds; seed++)
                {
                    var (best, count) = Draw(models.Main, task, taken, seed);
                    drawn += count / (double)Seeds;
                    Count(sampled, task, best, 1.0 / Seeds);
                }
            }
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {evaluations} | {rows / tasks.Length:f0} | {planned[0]:f0}, {planned[1]:f0} | {sampled[0]:f1}, {sampled[1]:f1} "
                + $"| {drawn / tasks.Length:f1} | {planned[1] / sampled[1]:f2} |");
        }
        return text.ToString();
    }

    private static (string Code, long Rows) Plan(LanguageModel model, Task task, int evaluations)
    {
        using var session = model.NewSession();
        var before = model.Runner.Pass;
        var scorer = SequenceScorers.Of(text => Task.Share(text.Text, task.Public));
        var strategy = new PlanningOptions { Evaluations = evaluations, Scorer = scorer };
        foreach (var _ in session.Generate(task.Prompt, Program with { Strategy = strategy })) { }
        // It asks for one row after the other, each in a pass of its own.
        return (session.LastResult!.Text, model.Runner.Pass - before);
    }

    private static (string Code, int Count) Draw(LanguageModel model, Task task, long rows, ulong seed)
    {
        using var session = model.NewSession();
        var (best, score, count) = ("", -1.0, 0);
        for (var left = rows; left > 0; count++)
        {
            var before = model.Runner.Pass;
            foreach (var _ in session.Generate(task.Prompt, Program with { Temperature = 1, Seed = seed * 100_000 + (ulong)count })) { }
            left -= Math.Max(model.Runner.Pass - before, 1);
            var found = Task.Share(session.LastResult!.Text, task.Public);
            if (found > score) (best, score) = (session.LastResult.Text, found);
        }
        return (best, count);
    }

    private static void Count(double[] passed, Task task, string code, double weight)
    {
        if (Task.Share(code, task.Public) == 1) passed[0] += weight;
        if (Task.Share(code, [.. task.Public, .. task.Hidden]) == 1) passed[1] += weight;
    }

    /// <summary>An expression to write.</summary>
    private sealed record Task(string Prompt, long[][] Public, long[][] Hidden)
    {
        public static Task Read(string line)
        {
            using var document = JsonDocument.Parse(line);
            var prompt = document.RootElement.GetProperty("prompt").GetString()!;
            return new Task(prompt, Tests(document, "public"), Tests(document, "hidden"));
        }

        /// <summary>The share of tests that a program passes; 0 where it is none.</summary>
        public static double Share(string code, long[][] tests) =>
            Expression.Parse(code) is { } parsed ? tests.Count(test => parsed.Value(test) == test[3]) / (double)tests.Length : 0;

        private static long[][] Tests(JsonDocument document, string name) =>
            [.. document.RootElement.GetProperty(name).EnumerateArray()
                .Select(test => test.EnumerateArray().Select(value => value.GetInt64()).ToArray())];
    }
}
