using Coppice.Server.Generation;
using Coppice.Server.Requests;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>The passes of a generation as they come.</summary>
internal sealed class TraceSteps(LanguageModel model, GenerationTrace trace)
{
    private int _taken;

    /// <summary>One for each of <paramref name="choices"/>; null where the request does not ask for traces.</summary>
    public static TraceSteps[]? Of(LanguageModel model, SamplingFields sampling, IReadOnlyList<Choice> choices) =>
        sampling.IsTraced ? [.. choices.Select(choice => new TraceSteps(model, choice.Options.Trace!))] : null;

    /// <summary>Those since the last call; null for none.</summary>
    public IReadOnlyList<TraceStep>? TakeNew()
    {
        var steps = trace.From(_taken);
        _taken += steps.Count;
        return steps.Count == 0 ? null : [.. steps.Select(ToJson)];
    }

    private TraceStep ToJson(GenerationStep step) => new(
        step.Position,
        [.. step.Tree.Zip(step.Parents, (id, parent) => new TraceNode(LogProbRows.TokenText(model, id), parent))],
        step.AcceptedPath,
        [.. step.Tokens.Select((id, i) => Token(id, i < step.Probabilities.Count ? step.Probabilities[i] : null))],
        step.Rows, step.Sequences, step.KvBytes, step.DraftTime.TotalMilliseconds, step.PassTime.TotalMilliseconds,
        step.HostTime.TotalMilliseconds);

    private TraceToken Token(int id, TokenLogProbs? of) => new(
        id, LogProbRows.TokenText(model, id), of is null ? null : LogProbRows.Finite(of.Chosen),
        of is null ? [] : [.. of.Best.Select(Best)]);

    private TraceBest Best(TokenLogProb of) => new(LogProbRows.TokenText(model, of.TokenId), LogProbRows.Finite(of.LogProbability));
}
