using System.Text;
using Coppice.Server.Generation;
using Coppice.Server.Requests;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>Collects the texts of /v1/completions.</summary>
internal sealed class CompletionTexts(LanguageModel model, CompletionRequest request, int count, string[]? echoes) : IChoiceSink
{
    private readonly CompletionChoice[] _choices = new CompletionChoice[count];
    private readonly StringBuilder[] _texts = [.. Enumerable.Range(0, count).Select(i => new StringBuilder(echoes?[i]))];
    private readonly LogProbRows?[] _rows = new LogProbRows?[count];

    /// <summary>The texts, when all have ended.</summary>
    public IReadOnlyList<CompletionChoice> Choices => _choices;

    /// <inheritdoc/>
    public ValueTask TakeAsync(int index, GeneratedPiece piece, bool more)
    {
        if (request.LogProbs is not null) (_rows[index] ??= new LogProbRows(model, 0)).Add(piece, request.Sampling.Options);
        _texts[index].Append(piece.Text);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask EndAsync(int index, GenerationResult result)
    {
        _choices[index] = new CompletionChoice(index, _texts[index].ToString(), _rows[index]?.ToJson(), FinishReasons.Of(result));
        return default;
    }
}
