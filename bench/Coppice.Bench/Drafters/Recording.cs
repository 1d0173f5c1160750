using System.Numerics.Tensors;
using System.Text.Json;

namespace Coppice.Bench.Drafters;

/// <summary>A prompt with its plain continuation, and the target's best tokens after every position of both.</summary>
/// <param name="Class">The kind of text.</param>
/// <param name="Id">The prompt's name.</param>
/// <param name="PromptLength">Tokens of the prompt.</param>
/// <param name="Ids">Prompt and continuation.</param>
/// <param name="Top">For each position: tokens by falling raw logit.</param>
/// <param name="Logits">Their raw logits.</param>
internal sealed record RecordedText(string Class, string Id, int PromptLength, int[] Ids, int[][] Top, float[][] Logits);

/// <summary>Continuations that drafters can be replayed against without the model.</summary>
internal static class Recording
{
    private const int TopCount = 16;

    /// <summary>Reads a file that <see cref="Write"/> wrote.</summary>
    public static RecordedText[] Read(string path)
    {
        using var file = File.OpenRead(path);
        return JsonSerializer.Deserialize<RecordedText[]>(file) ?? throw new InvalidDataException($"{path}: must be a recording.");
    }

    /// <summary>Generates greedily after every prompt.</summary>
    public static RecordedText[] Make(LanguageModel model, IEnumerable<ClassedPrompt> prompts, int tokens)
    {
        using var session = model.NewSession();
        using var scorer = new Scorer(model, model.ContextLength);
        return [.. prompts.Select(prompt => Record(model, session, scorer, prompt, tokens))];
    }

    /// <summary>Writes texts to a file.</summary>
    public static void Write(RecordedText[] texts, string path)
    {
        using var file = File.Create(path);
        JsonSerializer.Serialize(file, texts);
    }

    private static RecordedText Record(LanguageModel model, Session session, Scorer scorer, ClassedPrompt prompt, int tokens)
    {
        var options = new GenerationOptions { MaxTokens = tokens };
        int[] ids = [.. prompt.Ids, .. session.Generate(prompt.Ids, options).Select(piece => piece.TokenId)];
        var (top, logits) = (new int[ids.Length][], new float[ids.Length][]);
        scorer.Logits(ids, (first, rows) =>
        {
            for (var i = 0; i < rows.Length / model.VocabularySize; i++)
                (top[first + i], logits[first + i]) = Best(rows.Slice(i * model.VocabularySize, model.VocabularySize));
        });
        return new RecordedText(prompt.Class, prompt.Id, prompt.Ids.Length, ids, top, logits);
    }

    private static (int[] Top, float[] Logits) Best(ReadOnlySpan<float> row)
    {
        float[] left = [.. row];
        var (top, logits) = (new int[Math.Min(TopCount, row.Length)], new float[Math.Min(TopCount, row.Length)]);
        for (var rank = 0; rank < top.Length; rank++)
        {
            top[rank] = TensorPrimitives.IndexOfMax<float>(left);
            logits[rank] = left[top[rank]];
            left[top[rank]] = float.NegativeInfinity;
        }
        return (top, logits);
    }
}
