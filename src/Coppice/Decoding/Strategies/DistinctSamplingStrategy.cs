using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;

namespace Coppice.Decoding.Strategies;

/// <summary>
/// Drafts drawn without replacement: stochastic beam search. No two are equal, and each is as likely as the sampler's law says.
/// </summary>
/// <remarks>
/// A beam carries φ, the log-probability of its tokens, and ψ, the largest Gumbel-perturbed log-probability of any text below it; the beams
/// with the largest ψ go on. Its best child has its ψ; the next one's is a truncated Gumbel of what is left of the distribution, known
/// before its token is drawn, so only children that make the beam are drawn. A beam that ends keeps its place and its ψ. Source: Kool et
/// al., Stochastic Beams and Where to Find Them (2019), section 4.1. Scores are the model's own log-probabilities.
/// </remarks>
/// <param name="count">Drafts.</param>
/// <param name="sampler">The law.</param>
/// <param name="stop">When a draft ends.</param>
/// <param name="prompt">Tokens before the drafts.</param>
/// <param name="vocabularySize">Of the model.</param>
/// <param name="endsText">Whether the text of these tokens ends it; null for none.</param>
internal sealed class DistinctSamplingStrategy(
    int count, Sampler sampler, StopRule stop, ReadOnlyMemory<int> prompt, int vocabularySize, Func<int[], bool>? endsText = null)
    : DraftStrategy
{
    private readonly float[] _logits = new float[vocabularySize];
    private readonly List<(float[] Logits, double[] Weights)> _rows = [];      // of each beam
    private List<Beam> _beams = [new Beam(new ScoredDraft([], 0, null), 0, 0, false)];

    /// <inheritdoc/>
    public override int Branches => count;
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Alive => [.. _beams.Where(beam => !beam.Ended).Select(beam => beam.Draft)];
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ended =>
        [.. _beams.Where(beam => beam.Ended).Select(beam => beam.Draft).OrderByDescending(draft => draft.Mean)];
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ranked => ScoredDraft.Rank(Alive.Where(draft => draft.Tokens.Length > 0), Ended, count);

    /// <inheritdoc/>
    public override IReadOnlyList<BranchStep> Step(IBranchLogits logits)
    {
        var (open, next) = (new List<Opened>(), new List<Beam>(count));
        var place = 0;
        foreach (var beam in _beams)
        {
            if (!beam.Ended) open.Add(Open(beam, place, logits));
            if (!beam.Ended) place++;
        }
        var ended = _beams.Where(beam => beam.Ended).OrderByDescending(beam => beam.Largest).ToList();
        for (var draw = 0; next.Count < count; draw++)
        {
            var best = open.MaxBy(parent => parent.Next);
            var largest = best?.Next ?? double.NegativeInfinity;
            if (ended.Count > 0 && ended[0].Largest >= largest)
            {
                next.Add(ended[0]);
                ended.RemoveAt(0);
                continue;
            }
            if (best is null || double.IsNegativeInfinity(largest)) break;
            next.Add(Draw(best, draw));
        }
        _beams = next;
        var alive = next.Where(beam => !beam.Ended).ToArray();
        if (alive.Length == 0 || alive[0].Draft.Tokens.Length >= stop.MaxTokens) return [];
        return [.. alive.Select(beam => new BranchStep(beam.Draft.Parent ?? 0, [new BranchRow(beam.Draft.Tokens[^1])]))];
    }

    private Opened Open(Beam beam, int place, IBranchLogits logits)
    {
        if (_rows.Count == place) _rows.Add((new float[vocabularySize], new double[vocabularySize]));
        var (raw, weights) = _rows[place];
        logits.Download(place, raw);
        raw.CopyTo(_logits, 0);
        sampler.Weights([.. prompt.Span, .. beam.Draft.Tokens], _logits, weights);
        return new Opened(beam, place, raw, LogProbabilities.LogSum(raw), weights);
    }

    private Beam Draw(Opened parent, int draw)
    {
        var position = prompt.Length + parent.Beam.Draft.Tokens.Length;
        var uniform = Philox.Uniform(sampler.Seed, RandomStream.Draft, position, 2 * draw);
        var token =
            parent.Take(uniform, Philox.Uniform(sampler.Seed, RandomStream.Draft, position, 2 * draw + 1), out var logs, out var largest);
        var score = parent.Beam.Draft.Score + parent.Raw[token] - parent.LogSum;
        int? place = parent.Beam.Draft.Tokens.Length == 0 ? null : parent.Place;
        var draft = new ScoredDraft(parent.Beam.Draft.With(token), score, place);
        return new Beam(draft, logs, largest, stop.Ends(token) || endsText?.Invoke(draft.Tokens) == true);
    }

    /// <param name="Draft">Its tokens.</param>
    /// <param name="Logs">φ.</param>
    /// <param name="Largest">ψ.</param>
    /// <param name="Ended">Whether it has come to its end.</param>
    private sealed record Beam(ScoredDraft Draft, double Logs, double Largest, bool Ended);

    /// <summary>A beam and what is left below it.</summary>
    private sealed class Opened(Beam beam, int place, float[] raw, double logSum, double[] left)
    {
        private readonly double _total = WeightedDraw.Total(left);

        public Beam Beam => beam;
        public int Place => place;
        public float[] Raw => raw;
        public double LogSum => logSum;
        /// <summary>ψ of the next child; -∞ where none is left.</summary>
        public double Next { get; private set; } = beam.Largest;

        /// <summary>Draws the next child and takes it out of what is left.</summary>
        public int Take(double forToken, double forNext, out double logs, out double largest)
        {
            var token = WeightedDraw.Draw<double>(left, forToken);
            (logs, largest) = (beam.Logs + Math.Log(left[token] / _total), Next);
            left[token] = 0;
            var remaining = WeightedDraw.Total(left);
            Next = remaining > 0 ? Gumbel.Truncated(beam.Logs + Math.Log(remaining / _total), Next, forNext) : double.NegativeInfinity;
            return token;
        }
    }
}
