using Coppice.Server.Generation;
using Coppice.Server.Responses;
using Coppice.Text;

namespace Coppice.Server.Endpoints;

/// <summary>Collects the answers of /v1/chat/completions.</summary>
internal sealed class ChatTexts(LanguageModel model, ChatPrompt prompt, IReadOnlyList<Choice> choices) : IChoiceSink
{
    private readonly ChatChoice[] _choices = new ChatChoice[choices.Count];
    private readonly Answer[] _answers = [.. choices.Select(_ => new Answer(prompt, model.Tokenizer!))];
    private readonly List<ChatLogProb>[] _rows = [.. choices.Select(_ => new List<ChatLogProb>())];

    /// <summary>The answers, when all have ended.</summary>
    public IReadOnlyList<ChatChoice> Choices => _choices;

    /// <summary>A call as the API writes it.</summary>
    public static FunctionCall Call(ToolCall call, int? index) =>
        new(index, call.Id, "function", new FunctionBody(call.Name, call.Arguments));

    /// <inheritdoc/>
    public ValueTask TakeAsync(int index, GeneratedPiece piece, bool more)
    {
        foreach (var part in _answers[index].Append(piece))
        {
            if (ChatLogProbRows.Row(model, part, choices[index].Options) is { } row) _rows[index].Add(row);
        }
        return default;
    }

    /// <inheritdoc/>
    public ValueTask EndAsync(int index, GenerationResult result)
    {
        var whole = _answers[index].End(result).Last().Result!;
        var calls = whole.Calls.Count == 0 ? null : whole.Calls.Select(call => Call(call, null)).ToArray();
        var text = whole.Text.Length == 0 && calls is not null ? null : whole.Text;
        var answer = new ChatAnswer("assistant", text, null, whole.Reasoning.Length > 0 ? whole.Reasoning : null, calls);
        var logProbs = choices[index].Options.LogProbs is null ? null : new ChatLogProbs(_rows[index]);
        _choices[index] = new ChatChoice(index, answer, logProbs, FinishReasons.Of(whole));
        return default;
    }
}

/// <summary>The log-probabilities of a token, as /v1/chat/completions gives them.</summary>
internal static class ChatLogProbRows
{
    /// <summary>Those of a piece's token; null where there are none, or the token ends the text.</summary>
    public static ChatLogProb? Row(LanguageModel model, ChatPiece part, GenerationOptions options)
    {
        if (part is not { TokenId: { } id, LogProbs: { } of } || (!options.IgnoreEos && model.EndTokenIds.Contains(id))) return null;
        var best = of.Best.Select(other => new ChatBestToken(
            LogProbRows.TokenText(model, other.TokenId), LogProbRows.Finite(other.LogProbability), Bytes(model, other.TokenId)));
        return new ChatLogProb(LogProbRows.TokenText(model, id), LogProbRows.Finite(of.Chosen), Bytes(model, id), [.. best]);
    }

    private static int[] Bytes(LanguageModel model, int id) => [.. model.Tokenizer!.TokenBytes(id).ToArray().Select(value => (int)value)];
}
