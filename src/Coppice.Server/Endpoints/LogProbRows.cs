using System.Text;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>The log-probabilities of a text's tokens, as /v1/completions gives them.</summary>
/// <param name="model">Whose tokens they are.</param>
/// <param name="offset">Where the first token begins.</param>
internal sealed class LogProbRows(LanguageModel model, int offset)
{
    private readonly List<string> _tokens = [];
    private readonly List<double> _logProbs = [];
    private readonly List<IReadOnlyDictionary<string, double>> _best = [];
    private readonly List<int> _offsets = [];

    /// <summary>Adds a token; the one that ends the text is not part of it.</summary>
    public void Add(GeneratedPiece piece, GenerationOptions options)
    {
        if (piece.LogProbs is { } of && (options.IgnoreEos || !model.EndTokenIds.Contains(piece.TokenId)))
        {
            _tokens.Add(TokenText(model, piece.TokenId));
            _logProbs.Add(Finite(of.Chosen));
            var best = new Dictionary<string, double>();
            // parts of characters may look alike
            foreach (var (id, logProb) in of.Best) best.TryAdd(TokenText(model, id), Finite(logProb));
            _best.Add(best);
            _offsets.Add(offset);
        }
        offset += piece.Text.Length;
    }

    public CompletionLogProbs ToJson() => new(_tokens, _logProbs, _best, _offsets);

    /// <summary>The token as text; what is not a whole character stands as U+FFFD.</summary>
    public static string TokenText(LanguageModel model, int id) =>
        model.Tokenizer is { } tokenizer ? Encoding.UTF8.GetString(tokenizer.TokenBytes(id).Span) : $"<{id}>";

    /// <summary>JSON has no infinity; clients expect this number in its place.</summary>
    public static double Finite(double logProb) => double.IsFinite(logProb) ? logProb : -9999;
}
