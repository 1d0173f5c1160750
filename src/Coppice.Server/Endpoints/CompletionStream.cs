using Coppice.Server.Generation;
using Coppice.Server.Http;
using Coppice.Server.Requests;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>The events of /v1/completions.</summary>
internal sealed class CompletionStream(
    EventStream stream, ResponseHead head, LanguageModel model, CompletionRequest request, IReadOnlyList<Choice> choices, string[]? echoes,
    CancellationToken cancellation)
    : AnswerStream(stream, cancellation)
{
    private readonly int[] _lengths = new int[choices.Count];
    private readonly TraceSteps[]? _traces = TraceSteps.Of(model, request.Sampling, choices);

    protected override bool Write(int index, GeneratedPiece piece)
    {
        var text = piece.Text;
        if (echoes is not null && echoes[index].Length > 0) (text, echoes[index]) = (echoes[index] + text, "");
        CompletionLogProbs? logProbs = null;
        if (request.LogProbs is not null)
        {
            var rows = new LogProbRows(model, _lengths[index]);
            rows.Add(piece, request.Sampling.Options);
            logProbs = rows.ToJson();
        }
        var trace = _traces?[index].TakeNew();
        if (text.Length == 0 && logProbs is not { Tokens.Count: > 0 } && trace is null) return false;
        _lengths[index] += text.Length;
        Event(new CompletionChoice(index, text, logProbs, null), trace);
        return true;
    }

    protected override void Write(int index, GenerationResult result) =>
        Event(new CompletionChoice(index, "", null, FinishReasons.Of(result)), _traces?[index].TakeNew());

    protected override void Finish(GenerationResult[] results)
    {
        if (!request.Sampling.IncludesUsage) return;
        Events.Write(Response([], UsageOf.All(results, request.Sampling.Count)), ServerJson.Default.CompletionResponse);
    }

    private void Event(CompletionChoice choice, IReadOnlyList<TraceStep>? trace) =>
        Events.Write(Response([choice], null) with { Trace = trace }, ServerJson.Default.CompletionResponse);

    private CompletionResponse Response(CompletionChoice[] choices, Usage? usage) =>
        new(head.Id, "text_completion", head.Created, head.Model, choices, usage);
}
