using System.Runtime.CompilerServices;
using Coppice.Drafting;
using Coppice.Tests.Support;

namespace Coppice.Tests.EndToEnd;

/// <summary>The samples of README.md, as code that is compiled. Each stands between the lines "// sample" and "// end".</summary>
internal static class ReadmeSnippets
{
    public static async Task FirstProgram()
    {
        // sample
        using var model = LanguageModel.Load("weights/tiny");            // GPU if there is one, else SIMD CPU
        using var session = model.NewSession();
        await foreach (var piece in session.GenerateAsync("Returns the number of", new() { MaxTokens = 64 }))
            Console.Write(piece.Text);
        // end
    }

    public static async Task WithSessionsOfOneText()
    {
        // sample
        using var model = await LanguageModel.LoadAsync("weights/tiny");
        using var session = model.NewSession();
        var prompt = model.Tokenizer!.Encode("Returns the number of");
        await session.PrefillAsync(prompt);                              // the first token then comes at once
        var file = Path.GetTempFileName();
        await session.SaveAsync(file);                                   // its tokens with their keys and values
        using var later = model.NewSession();
        await later.LoadAsync(file);                                     // the same model, also in another process
        File.Delete(file);
        using var fork = later.Fork();                                   // shares the pages until it goes on differently
        await foreach (var piece in fork.GenerateAsync(prompt, new() { MaxTokens = 16 }))
            Console.Write(piece.Text);

        using var scorer = new Scorer(model);
        var ending = model.Tokenizer.Encode(" elements", addSpecialTokens: false);
        Console.WriteLine($"\n{scorer.LogProbabilities(new ScoredText(prompt, ending)).Sum():f2} nats");
        // end
    }

    public static async Task WithADraftModel()
    {
        // sample
        using var model = LanguageModel.Load("weights/tiny", new() { Device = "cpu" });
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 64, Drafter = new DraftModelOptions { Model = "weights/draft" } };
        await foreach (var piece in session.GenerateAsync("Returns the number of", options))
            Console.Write(piece.Text);
        Console.WriteLine($"\n{session.LastResult!.MeanAcceptedLength:f1} tokens a pass");
        // end
    }

    // sample
    /// <summary>Draws three ways to go on for eight tokens and keeps the longest text, until it ends.</summary>
    private sealed class LongestOfThree : IDecodingStrategy
    {
        public async IAsyncEnumerable<StepText> RunAsync(StepText text, [EnumeratorCancellation] CancellationToken cancellation)
        {
            while (!text.IsFinished)
            {
                var drafts = Enumerable.Range(0, 3).Select(i => text.Fork((ulong)i)).ToList();
                await Task.WhenAll(drafts.Select(async draft =>
                {
                    for (var i = 0; i < 8 && !draft.IsFinished; i++) await draft.StepAsync(cancellation);
                }));
                text = drafts.MaxBy(draft => draft.Text.Length)!;
                foreach (var draft in drafts.Where(draft => draft != text)) draft.Dispose();
                yield return text;
            }
        }
    }
    // end

    public static async Task WithAHostsStrategy()
    {
        // sample
        using var model = LanguageModel.Load("weights/tiny");
        using var session = model.NewSession();
        var strategy = new CustomStrategyOptions(new LongestOfThree());
        var options = new GenerationOptions { MaxTokens = 24, Temperature = 1, Strategy = strategy };
        await foreach (var piece in session.GenerateAsync("Returns the number of", options))
            Console.Write(piece.Text);
        // end
    }

    public static async Task WithAStrategy()
    {
        // sample
        using var model = LanguageModel.Load("weights/tiny");
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 24, Strategy = new BeamSearchOptions { Beams = 4 } };
        await foreach (var piece in session.GenerateAsync("Returns the number of", options))
            Console.Write(piece.Text);
        foreach (var sequence in session.LastResult!.Sequences)
            Console.WriteLine($"\n{sequence.Score:f2} {sequence.Text}");
        // end
    }

    public static async Task WithASchema()
    {
        // sample
        using var model = LanguageModel.Load("weights/tiny");
        using var session = model.NewSession();
        var schema = """{"properties": {"kind": {"enum": ["method", "property"]}, "line": {"type": "integer"}}, "required": ["kind"]}""";
        await foreach (var piece in session.GenerateAsync("Returns the number of", new() { Schema = schema, MaxTokens = 40 }))
            Console.Write(piece.Text);
        // end
    }

    public static async Task WithDrafts()
    {
        // sample
        using var model = LanguageModel.Load("weights/tiny");
        using var session = model.NewSession();
        var box = new DraftsOptions { Count = 3, MaxTokens = 10, Diversity = true, StopSequences = [".", "\n"] };
        using var nextKey = new CancellationTokenSource();      // to be cancelled where the user types on
        await foreach (var update in session.GenerateDraftsAsync("Gets the", box, nextKey.Token))
            Console.WriteLine(string.Join(" |", update.Drafts.Select(draft => draft.Text)));
        // end
    }

    public static Task WithVectors()
    {
        // sample
        using var model = EmbeddingModel.Load("weights/tiny");           // or a folder as all-MiniLM-L6-v2
        var vectors = model.Embed(["Returns the number of elements", "Gets the count of items", "Closes the file"]);
        float Similarity(int a, int b) => vectors[a].Vector.ToArray().Zip(vectors[b].Vector.ToArray(), (x, y) => x * y).Sum();
        Console.WriteLine($"{Similarity(0, 1):f2} {Similarity(0, 2):f2}");
        // end
        return Task.CompletedTask;
    }

    /// <summary>The text of every sample above, and of those that Coppice.Hosting.Tests compiles, without its indentation.</summary>
    public static IReadOnlyList<string> Texts()
    {
        var texts = new List<string>();
        List<string>? sample = null;
        string[] files = [Path.Combine("Coppice.Tests", "EndToEnd"), "Coppice.Hosting.Tests"];
        foreach (var line in files.SelectMany(folder =>
            File.ReadLines(Path.Combine(SharedData.Repository, "tests", folder, $"{nameof(ReadmeSnippets)}.cs"))))
        {
            if (line.Trim() == "// sample") sample = [];
            else if (line.Trim() == "// end" && sample is not null)
            {
                texts.Add(Text(sample));
                sample = null;
            }
            else sample?.Add(line);
        }
        return texts;
    }

    private static string Text(List<string> sample)
    {
        var indent = sample.Where(l => l.Length > 0).Min(l => l.Length - l.TrimStart().Length);
        return string.Join('\n', sample.Select(l => l.Length < indent ? "" : l[indent..]));
    }
}
