using Coppice.Server.Generation;
using Coppice.Server.Http;
using Coppice.Server.Requests;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>The events of /v1/chat/completions: the first of an answer says whose it is, calls come whole.</summary>
internal sealed class ChatStream(
    EventStream stream, ResponseHead head, LanguageModel model, ChatPrompt prompt, SamplingFields sampling, IReadOnlyList<Choice> choices,
    CancellationToken cancellation)
    : AnswerStream(stream, cancellation)
{
    private readonly Answer[] _answers = [.. choices.Select(_ => new Answer(prompt, model.Tokenizer!))];
    private readonly bool[] _hasBegun = new bool[choices.Count];
    private readonly int[] _calls = new int[choices.Count];
    private readonly TraceSteps[]? _traces = TraceSteps.Of(model, sampling, choices);

    protected override bool Write(int index, GeneratedPiece piece)
    {
        var trace = _traces?[index].TakeNew();
        var wrote = false;
        foreach (var part in _answers[index].Append(piece))
        {
            wrote |= Write(index, part, trace);
            if (wrote) trace = null;
        }
        if (trace is null) return wrote;
        Event(new ChatChunkChoice(index, Delta(index, new ChatPiece()), null, null), trace);
        return true;
    }

    protected override void Write(int index, GenerationResult result)
    {
        var reason = "";
        foreach (var part in _answers[index].End(result))
        {
            if (part.Result is { } whole) reason = FinishReasons.Of(whole);
            else Write(index, part, null);
        }
        Event(new ChatChunkChoice(index, Delta(index, new ChatPiece()), null, reason), _traces?[index].TakeNew());
    }

    protected override void Finish(GenerationResult[] results)
    {
        if (!sampling.IncludesUsage) return;
        Events.Write(Chunk([], null) with { Usage = UsageOf.All(results, sampling.Count) }, ServerJson.Default.ChatChunk);
    }

    private bool Write(int index, ChatPiece part, IReadOnlyList<TraceStep>? trace)
    {
        var logProbs = ChatLogProbRows.Row(model, part, choices[index].Options);
        if (part.Text.Length == 0 && part.Reasoning.Length == 0 && part.Call is null && logProbs is null) return false;
        Event(new ChatChunkChoice(index, Delta(index, part), logProbs is null ? null : new ChatLogProbs([logProbs]), null), trace);
        return true;
    }

    private ChatDelta Delta(int index, ChatPiece part)
    {
        var delta = new ChatDelta
        {
            Role = _hasBegun[index] ? null : "assistant",
            Content = part.Text.Length > 0 || !_hasBegun[index] ? part.Text : null,
            ReasoningContent = part.Reasoning.Length > 0 ? part.Reasoning : null,
            ToolCalls = part.Call is { } call ? [ChatTexts.Call(call, _calls[index]++)] : null,
        };
        _hasBegun[index] = true;
        return delta;
    }

    private void Event(ChatChunkChoice choice, IReadOnlyList<TraceStep>? trace) =>
        Events.Write(Chunk([choice], trace), ServerJson.Default.ChatChunk);

    private ChatChunk Chunk(ChatChunkChoice[] parts, IReadOnlyList<TraceStep>? trace) =>
        new(head.Id, "chat.completion.chunk", head.Created, head.Model, parts, null, trace);
}
