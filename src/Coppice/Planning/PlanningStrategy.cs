using System.Runtime.CompilerServices;
using Coppice.Decoding.Sampling;

namespace Coppice;

/// <summary>See <see cref="PlanningOptions"/>.</summary>
/// <param name="options">Checked.</param>
internal sealed class PlanningStrategy(PlanningOptions options) : IDecodingStrategy
{
    /// <summary>Visits of ended texts, which cost nothing, for each completion that is allowed.</summary>
    private const int VisitsPerEvaluation = 16;

    /// <inheritdoc/>
    public async IAsyncEnumerable<StepText> RunAsync(StepText text, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var search = new Search(options);
        yield return await search.RunAsync(text, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A token that may follow, as a row has shown it.</summary>
    private readonly record struct Candidate(int Token, double Prior, double LogProb);

    /// <summary>A text that was completed.</summary>
    private sealed record Completion(int[] Tokens, double Score);

    /// <summary>One search; disposes all texts but the one it returns.</summary>
    private sealed class Search(PlanningOptions options)
    {
        private readonly PlanningTree<StepText> _tree = new(options.Exploration, options.ExplorationBase);
        private readonly Dictionary<string, Candidate[]> _candidates = [];
        private readonly Dictionary<string, Completion> _completions = [];      // by every beginning that leads to them
        private readonly List<StepText> _texts = [];
        private (StepText Text, double Score)? _best;
        private int _evaluations;

        public async Task<StepText> RunAsync(StepText text, CancellationToken cancellationToken)
        {
            try
            {
                var root = await OpenAsync(text, cancellationToken).ConfigureAwait(false);
                // The first completion is greedy decoding's, or that of the beams.
                PlanningTree<StepText>.Return([root], [], await EvaluateAsync(text, cancellationToken).ConfigureAwait(false));
                for (var visit = 0; visit < options.Evaluations * (long)VisitsPerEvaluation && !IsEnough; visit++)
                    await VisitAsync(root, cancellationToken).ConfigureAwait(false);
                return _best!.Value.Text;
            }
            finally
            {
                foreach (var other in _texts.Where(other => other != _best?.Text)) other.Dispose();
            }
        }

        private bool IsEnough => _evaluations >= options.Evaluations || _best?.Score >= options.EnoughScore;

        private async Task VisitAsync(PlanningTree<StepText>.Node root, CancellationToken cancellationToken)
        {
            var (nodes, edges) = _tree.Select(root);
            var leaf = nodes[^1];
            if (edges.Count == nodes.Count)
            {
                var edge = edges[^1];
                var known = _candidates[Key(leaf.State.Tokens)].First(candidate => candidate.Token == edge.Token);
                var next = leaf.State.Fork();
                _texts.Add(next);
                await next.AppendKnownAsync(edge.Token, known.LogProb, cancellationToken).ConfigureAwait(false);
                nodes.Add(leaf = edge.Child = await OpenAsync(next, cancellationToken).ConfigureAwait(false));
            }
            PlanningTree<StepText>.Return(nodes, edges, await EvaluateAsync(leaf.State, cancellationToken).ConfigureAwait(false));
        }

        private async Task<PlanningTree<StepText>.Node> OpenAsync(StepText text, CancellationToken cancellationToken)
        {
            var candidates = text.IsFinished ? [] : await CandidatesAsync(text, cancellationToken).ConfigureAwait(false);
            return new PlanningTree<StepText>.Node(text, [.. candidates.Select(candidate => (candidate.Token, candidate.Prior))]);
        }

        /// <summary>The score of what the text is completed to.</summary>
        private async Task<double> EvaluateAsync(StepText text, CancellationToken cancellationToken)
        {
            if (_completions.TryGetValue(Key(text.Tokens), out var known)) return known.Score;
            var completed = options.Beams == 1
                ? await CompleteAsync(text, cancellationToken).ConfigureAwait(false)
                : await CompleteByBeamsAsync(text, cancellationToken).ConfigureAwait(false);
            _evaluations++;
            var score = (await StepTexts.ScoresAsync([completed], options.Scorer, cancellationToken).ConfigureAwait(false))[0];
            if (!(score <= _best?.Score)) _best = (completed, score);
            // Whatever begins as it does, from here on, is completed to the same.
            var completion = new Completion([.. completed.Tokens], score);
            for (var length = text.Tokens.Count; length <= completion.Tokens.Length; length++)
            {
                if (options.Beams == 1 || length is var end && (end == text.Tokens.Count || end == completion.Tokens.Length))
                    _completions.TryAdd(Key(completion.Tokens.AsSpan(0, length)), completion);
            }
            return score;
        }

        private async Task<StepText> CompleteAsync(StepText text, CancellationToken cancellationToken)
        {
            var completed = text.ForkGreedy();
            _texts.Add(completed);
            while (!completed.IsFinished)
            {
                await CandidatesAsync(completed, cancellationToken).ConfigureAwait(false);
                await completed.StepAsync(cancellationToken).ConfigureAwait(false);
            }
            return completed;
        }

        /// <summary>By a search over the sums of log-probabilities; the best mean of those that have ended.</summary>
        private async Task<StepText> CompleteByBeamsAsync(StepText text, CancellationToken cancellationToken)
        {
            List<StepText> alive = [text.ForkGreedy()], ended = [];
            _texts.Add(alive[0]);
            while (alive.Count > 0 && ended.Count < options.Beams)
            {
                var rows = new List<(StepText Beam, Candidate Next)>();
                foreach (var beam in alive.Where(beam => beam.IsFinished)) ended.Add(beam);
                alive.RemoveAll(beam => beam.IsFinished);
                var running = alive.Select(beam => RowAsync(beam, options.Beams, cancellationToken));
                var found = await Task.WhenAll(running).ConfigureAwait(false);
                for (var i = 0; i < alive.Count; i++) rows.AddRange(found[i].Select(candidate => (alive[i], candidate)));
                var best = rows.OrderByDescending(row => row.Beam.LogProbability + row.Next.LogProb).Take(options.Beams).ToArray();
                alive.Clear();
                foreach (var (beam, candidate) in best)
                {
                    var next = beam.Fork();
                    _texts.Add(next);
                    await next.AppendKnownAsync(candidate.Token, candidate.LogProb, cancellationToken).ConfigureAwait(false);
                    alive.Add(next);
                }
            }
            return ended.MaxBy(beam => beam.LogProbability / beam.Tokens.Count)!;
        }

        private async Task<Candidate[]> CandidatesAsync(StepText text, CancellationToken cancellationToken)
        {
            var key = Key(text.Tokens);
            if (!_candidates.TryGetValue(key, out var candidates))
                _candidates[key] = candidates = await RowAsync(text, options.Candidates, cancellationToken).ConfigureAwait(false);
            return candidates;
        }

        /// <summary>The most probable tokens after a text, with priors that are normalised over them.</summary>
        private static async Task<Candidate[]> RowAsync(StepText text, int count, CancellationToken cancellationToken)
        {
            var row = await text.RowAsync(cancellationToken).ConfigureAwait(false);
            var raw = await text.Model.NextAsync(cancellationToken).ConfigureAwait(false);
            return Largest(row.Span, raw.Span, count);
        }

        private static Candidate[] Largest(ReadOnlySpan<float> row, ReadOnlySpan<float> raw, int count)
        {
            count = Math.Min(count, Truncation.Count(row));
            if (count == 0) return [];
            using var ranked = RankedLogits.AtLeast(row, LargestLogits.Kth(row, count));
            var (sum, logSum, best) = (0.0, LogProbabilities.LogSum(raw), row[ranked.Id(0)]);
            var candidates = new Candidate[count];
            for (var i = 0; i < count; i++)
            {
                var id = ranked.Id(i);
                candidates[i] = new Candidate(id, Math.Exp((double)row[id] - best), raw[id] - logSum);
                sum += candidates[i].Prior;
            }
            for (var i = 0; i < count; i++) candidates[i] = candidates[i] with { Prior = candidates[i].Prior / sum };
            return candidates;
        }

        private static string Key(IEnumerable<int> tokens) => string.Join(',', tokens);

        private static string Key(ReadOnlySpan<int> tokens) => string.Join(',', tokens.ToArray());
    }
}
