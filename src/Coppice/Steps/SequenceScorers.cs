using System.Text.RegularExpressions;
using Coppice.Settings;

namespace Coppice;

/// <summary>Scorers that need no host.</summary>
public static class SequenceScorers
{
    private static readonly TimeSpan MatchTime = TimeSpan.FromSeconds(1);

    /// <summary>The mean of the model's own log-probabilities of the tokens; 0 of none.</summary>
    public static ISequenceScorer Likelihood { get; } = new TextScorer(
        text => text.Tokens.Count == 0 ? 0 : text.LogProbability / text.Tokens.Count);

    /// <summary>How often <paramref name="part"/> is in the text, without overlaps.</summary>
    public static ISequenceScorer Count(string part)
    {
        ArgumentException.ThrowIfNullOrEmpty(part);
        return new TextScorer(text => text.Text.AsSpan().Count(part));
    }

    /// <summary>How often a pattern of .NET matches in the text; a match may take a second.</summary>
    /// <exception cref="ArgumentException">It is not a pattern.</exception>
    public static ISequenceScorer Matches(string pattern)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        return Matches(new Regex(pattern, RegexOptions.CultureInvariant, MatchTime));
    }

    private static TextScorer Matches(Regex regex) => new(text => regex.Count(text.Text));

    /// <summary>Cosine of the embeddings of the text and of <paramref name="target"/>.</summary>
    /// <param name="model">Belongs to the caller.</param>
    /// <param name="target">What the text is to be like.</param>
    public static ISequenceScorer Similarity(EmbeddingModel model, string target)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(target);
        return new SimilarityScorer(model, target);
    }

    /// <summary>A score of each text by itself, at once.</summary>
    /// <param name="score">Larger is better, not NaN; called from any thread.</param>
    public static ISequenceScorer Of(Func<ScoredContinuation, double> score)
    {
        ArgumentNullException.ThrowIfNull(score);
        return new TextScorer(score);
    }

    /// <summary>Reads "likelihood", "count:TEXT" or "regex:PATTERN".</summary>
    internal static ISequenceScorer Parse(string owner, string? text)
    {
        var colon = text?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        var (name, value) = colon < 0 ? (text, "") : (text![..colon], text[(colon + 1)..]);
        return (name, value) switch
        {
            (null or "likelihood", "") => Likelihood,
            ("count", { Length: > 0 }) => Count(value),
            // In time that grows with the text alone: the pattern may be a stranger's.
            ("regex", { Length: > 0 }) => Matches(Linear(owner, value)),
            _ => throw new ArgumentException(
                $"{owner}: scorer must be likelihood, count:TEXT or regex:PATTERN, got \"{text}\""
                + $"{NearestName.Hint(name!, ["likelihood", "count", "regex"])}."),
        };
    }

    private static Regex Linear(string owner, string pattern)
    {
        try { return new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking); }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new ArgumentException(
                $"{owner}: scorer must have a pattern without references and look-around, got \"{pattern}\".", error);
        }
    }

    private sealed class TextScorer(Func<ScoredContinuation, double> score) : ISequenceScorer
    {
        public ValueTask ScoreAsync(
            IReadOnlyList<ScoredContinuation> continuations, Memory<double> scores, CancellationToken cancellationToken)
        {
            for (var i = 0; i < continuations.Count; i++) scores.Span[i] = score(continuations[i]);
            return default;
        }
    }

    private sealed class SimilarityScorer(EmbeddingModel model, string target) : ISequenceScorer
    {
        public async ValueTask ScoreAsync(
            IReadOnlyList<ScoredContinuation> continuations, Memory<double> scores, CancellationToken cancellationToken)
        {
            string[] texts = [target, .. continuations.Select(text => text.Text)];
            var vectors = await model.EmbedAsync(texts, cancellationToken: cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < continuations.Count; i++)
                scores.Span[i] = System.Numerics.Tensors.TensorPrimitives.CosineSimilarity(
                    vectors[0].Vector.Span, vectors[i + 1].Vector.Span);
        }
    }
}
